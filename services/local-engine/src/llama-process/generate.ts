import type { LlamaContextSequence, LlamaModel, Token } from 'node-llama-cpp';
import { AnswerText, type Added } from './answer-text.ts';
import { JsonEnd } from './json-end.ts';
import type { FinishReason, GenerateCommand, GenerateFailure, Piece } from './messages.ts';
import type { Pause } from './pause.ts';
import { UnusableSchema, tokenSource } from './token-source.ts';
import { TokenText } from './token-text.ts';

/** A cancellation is seen between two of these, about half a second apart on a slow core. */
const PROMPT_CHUNK_TOKENS = 256;

/** No known vocabulary has a longer token; a text beyond this is too long without being counted, which would hold up all other answers. */
const LONGEST_TOKEN_UNITS = 256;

/** A refusal that the caller can act on; everything else is a fault. */
export class Refusal extends Error {
  override readonly name = 'Refusal';
  readonly failure: GenerateFailure;

  constructor(failure: GenerateFailure) {
    super(failure.kind);
    this.failure = failure;
  }
}

/** Where answers are made: one model, its context's bounds, and the pause that its answers share. */
export interface Workplace {
  readonly model: LlamaModel;
  readonly contextTokens: number;
  readonly pause: Pause;
}

/** One answer under way. */
export interface Task {
  readonly command: GenerateCommand;
  readonly sequence: LlamaContextSequence;
  readonly signal: AbortSignal;
  /** Gets each part as soon as it is certain. */
  readonly emit: (piece: Piece) => void;
}

/** Answers one prompt on one sequence, which it leaves empty. Throws Refusal for what the caller can mend. */
export async function generate(workplace: Workplace, task: Task): Promise<FinishReason> {
  checkTokenIds(workplace.model, task.command);
  const prompt = tokenizePrompt(workplace.model, task.command.prompt, workplace.contextTokens);
  try {
    const last = await readPrompt(workplace, task, prompt);
    return task.signal.aborted ? 'cancelled' : await produce(workplace, task, prompt, last);
  } catch (thrown) {
    throw thrown instanceof UnusableSchema ? new Refusal({ kind: 'unusable-schema' }) : thrown;
  } finally {
    // Nothing of one caller's prompt stays for the next: not its text, and not the time it would save.
    await workplace.pause.during(() => task.sequence.clearHistory());
  }
}

async function produce({ model, contextTokens, pause }: Workplace, task: Task, prompt: Token[], last: Token[]): Promise<FinishReason> {
  const { sampling } = task.command;
  const answer = new AnswerText(new TokenText((...args) => model.detokenize(...args), prompt), sampling.stop ?? []);
  const json = sampling.guided_decoding && new JsonEnd();
  const limit = Math.min(sampling.max_tokens ?? Infinity, contextTokens - 1 - prompt.length);
  const emit = ({ text, logprobs }: Added, outputTokens: number): void => task.emit({ text, logprobs, inputTokens: prompt.length, outputTokens });
  let produced = 0;
  for await (const { token, logprobs } of await tokenSource(model, task.sequence, last, task.command)) {
    if (task.signal.aborted) return 'cancelled';
    produced++;
    if (model.isEogToken(token)) {
      emit(answer.flush(), 1);
      return 'stop';
    }
    const added = answer.push(token, logprobs);
    emit(added, 1);
    if (added.stopped || json?.push(added.text)) return 'stop';
    if (produced >= limit) break;
    await pause.pass();
  }
  const rest = answer.flush();
  emit(rest, 0);
  return rest.stopped ? 'stop' : 'length';
}

/** The prompt as it is read. Throws Refusal when it does not fit. */
export function tokenizePrompt(model: LlamaModel, prompt: string, contextTokens: number): Token[] {
  const refuse = (promptTokens: number, isLeast = false): Refusal => new Refusal({ kind: 'prompt-too-long', promptTokens, isLeast, contextTokens });
  if (prompt.length > contextTokens * LONGEST_TOKEN_UNITS) throw refuse(contextTokens, true);
  const tokens = model.tokenize(prompt, true);
  const { bos, shouldPrependBosToken } = model.tokens;
  if (shouldPrependBosToken && bos !== null && tokens[0] !== bos) tokens.unshift(bos);
  // llama.cpp silently forgets the beginning of what does not fit; one place stays for the first token of the answer.
  if (tokens.length === 0 || tokens.length > contextTokens - 2) throw refuse(tokens.length);
  return tokens;
}

/** Evaluates all of the prompt but its last chunk, which the first token is sampled from. */
async function readPrompt({ pause }: Workplace, { sequence, signal }: Task, prompt: Token[]): Promise<Token[]> {
  let from = 0;
  while (prompt.length - from > PROMPT_CHUNK_TOKENS && !signal.aborted) {
    await pause.pass();
    await sequence.evaluateWithoutGeneratingNewTokens(prompt.slice(from, from + PROMPT_CHUNK_TOKENS));
    from += PROMPT_CHUNK_TOKENS;
  }
  await pause.pass();
  return prompt.slice(from);
}

function checkTokenIds(model: LlamaModel, { sampling }: GenerateCommand): void {
  const biased = Object.keys(sampling.logit_bias ?? {});
  if (biased.length === 0) return;
  const vocabularySize = model.fileInfo.metadata.tokenizer.ggml.tokens.length;
  if (biased.some((token) => Number(token) >= vocabularySize)) throw new Refusal({ kind: 'unknown-token', param: 'logit_bias' });
}
