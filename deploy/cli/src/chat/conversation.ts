import { createInterface } from 'node:readline';
import { DEMO_MODEL } from '@sluice/local-engine/weights';
import { z } from 'zod';
import { CommandFailed, WrongUse } from '../exit-code.ts';
import { models, type Model } from '../platform-api/answers.ts';
import { adminApi, publicApi } from '../platform-api/connection.ts';
import type { HttpApi } from '../platform-api/http-api.ts';
import { printableLine } from '../terminal/printable.ts';
import { readPrompt } from '../terminal/stdin.ts';
import { asTyped } from '../terminal/typed-command.ts';
import { streamAnswer, type ChatMessage, type Question } from './answer.ts';

export interface ChatOptions {
  readonly model?: string;
  readonly data?: string;
  readonly maxTokens: number;
}

const modelList = z.object({ data: z.array(z.object({ id: z.string() })) });
const PROMPT = '> ';
/** Of the text contract of KServe v2 servers. */
const TEXT_INPUT = 'text_input';

/** One question, one answer on standard output; Ctrl-C cancels it, down to the backend. */
export async function answerOnce(prompt: string, options: ChatOptions): Promise<void> {
  const question = prompt === '-' ? await readPrompt() : prompt;
  if (question.trim() === '') throw new WrongUse('The prompt is empty.');
  const api = publicApi(options);
  const model = await chooseModel(api, options);
  if (options.model === undefined) process.stderr.write(`(${printableLine(model)} answers; --model names another)\n`);
  const cancel = new AbortController();
  const onInterrupt = (): void => cancel.abort();
  process.once('SIGINT', onInterrupt);
  let isBegun = false;
  const show = (text: string): void => {
    isBegun = true;
    process.stdout.write(text);
  };
  try {
    await streamAnswer(api, { model, messages: [{ role: 'user', content: question }], maxTokens: options.maxTokens }, cancel.signal, show);
  } catch (error) {
    throw cancel.signal.aborted ? new CommandFailed('cancelled') : error;
  } finally {
    process.off('SIGINT', onInterrupt);
    if (isBegun) process.stdout.write('\n');
  }
}

/**
 * A conversation: each question goes with all that was said before. Ends with Ctrl-D, or Ctrl-C at the prompt. Throws
 * CommandFailed at its end when the questions came from a pipe, and one of them was not answered: nobody saw that there.
 */
export async function converse(options: ChatOptions): Promise<void> {
  const api = publicApi(options);
  const model = await chooseModel(api, options);
  const history: ChatMessage[] = [];
  let answering: AbortController | undefined;
  let isOpen = true;
  let failures = 0;
  const lines = createInterface({ input: process.stdin, output: process.stdout, prompt: PROMPT });
  lines.on('SIGINT', () => (answering ? answering.abort() : lines.close()));
  // A pipe ends while its lines are still being answered.
  lines.once('close', () => (isOpen = false));
  process.stdout.write(`Talking to ${model}. Ctrl-C stops an answer, Ctrl-D ends.\n`);
  lines.prompt();
  for await (const line of lines) {
    if (line.trim() !== '') {
      answering = new AbortController();
      if (!(await exchange(api, { model, maxTokens: options.maxTokens }, history, line, answering.signal))) failures++;
      answering = undefined;
    }
    if (isOpen) lines.prompt();
  }
  process.stdout.write('\n');
  if (failures > 0 && !process.stdin.isTTY) throw new CommandFailed(`Questions that were not answered: ${failures}.`);
}

/** False when it failed or was cancelled: it leaves no trace in the history then, so that the next question makes sense. */
async function exchange(api: HttpApi, how: Omit<Question, 'messages'>, history: ChatMessage[], question: string, signal: AbortSignal): Promise<boolean> {
  const asked: ChatMessage = { role: 'user', content: question };
  try {
    const text = await streamAnswer(api, { ...how, messages: [...history, asked] }, signal, (piece) => void process.stdout.write(piece));
    history.push(asked, { role: 'assistant', content: text });
    process.stdout.write('\n');
    return true;
  } catch (error) {
    if (!signal.aborted && !(error instanceof CommandFailed)) throw error;
    process.stdout.write(signal.aborted ? ' (cancelled)\n' : `\n(${asTyped(error instanceof Error ? error.message : '')})\n`);
    return false;
  }
}

/**
 * A model whose deployments are all inside before one that prompts leave the house for; then a model before an alias, and
 * the demonstration model last: who added another wants to talk to that one. Models that take tensors are none of them.
 */
async function chooseModel(api: HttpApi, options: ChatOptions): Promise<string> {
  if (options.model !== undefined) return options.model;
  const { data } = await api.get('/models', modelList);
  if (!data[0]) throw new CommandFailed('There is no model yet. Add one: sluice model add NAME (--openai URL, --kserve HOST:PORT or --gguf FILE)');
  const { meant, inside, ofTensors } = await knownModels(options);
  const names = data.map(({ id }) => id).filter((id) => !ofTensors.has(meant.get(id) ?? id));
  if (!names[0]) throw new CommandFailed('There is no model that answers chats: those of this key take tensors. Add one: sluice model add NAME (--openai URL, --kserve HOST:PORT or --gguf FILE)');
  const rank = (name: string): number => {
    const model = meant.get(name) ?? name;
    return (meant.has(name) ? 1 : 0) + (model === DEMO_MODEL.name ? 2 : 0) + (inside.has(model) ? 0 : 4);
  };
  return names.toSorted((a, b) => rank(a) - rank(b))[0]!;
}

interface KnownModels {
  /** Which model each alias means. */
  readonly meant: ReadonlyMap<string, string>;
  /** Models that no prompt leaves the house for. */
  readonly inside: ReadonlySet<string>;
  /** Models that answer no chat. */
  readonly ofTensors: ReadonlySet<string>;
}

/** Only the admin API tells; who may only chat does without. */
async function knownModels(options: ChatOptions): Promise<KnownModels> {
  try {
    const known = await adminApi(options).get('/models', models);
    const used = ({ deployments }: Model): Model['deployments'] => deployments.filter(({ state }) => state !== 'removed');
    const every = (is: (one: Model['deployments'][number], model: Model) => boolean): ReadonlySet<string> => new Set(known.data.filter((model) => used(model).length > 0 && used(model).every((one) => is(one, model))).map(({ name }) => name));
    return {
      meant: new Map(known.aliases.map(({ name, model }) => [name, model])),
      inside: every(({ placement }) => placement === 'inside'),
      ofTensors: every(({ version_id: versionId }, { versions }) => takesTensors(versions.find(({ id }) => id === versionId))),
    };
  } catch (error) {
    if (!(error instanceof CommandFailed)) throw error;
    return { meant: new Map(), inside: new Set(), ofTensors: new Set() };
  }
}

/** By what makes a model one of language: a text as its input. A version whose inputs are not known is of a server that speaks chats. */
function takesTensors(version: Model['versions'][number] | undefined): boolean {
  return version?.inputs !== undefined && !version.inputs.some(({ name }) => name === TEXT_INPUT);
}
