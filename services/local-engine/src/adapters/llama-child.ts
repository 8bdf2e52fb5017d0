import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { ServiceError } from '@sluice/errors';
import { OtherWeights, type AnswerPart, type LoadSettings, type ModelProcess, type Prompt } from '../domain/model-process.ts';
import type { Command, GenerateFailure, LoadFailure, ModelFacts, Report } from '../llama-process/messages.ts';
import { PartQueue } from './part-queue.ts';

/** Reading large weights from a slow disk takes minutes; a process that says nothing for longer hangs. */
const LOAD_LIMIT_MS = 10 * 60_000;

const MAIN = fileURLToPath(new URL('../llama-process/main.ts', import.meta.url));

/**
 * llama.cpp puts the rows of a batch in order when the first row is read, without a lock; node-llama-cpp reads the rows
 * of different sequences on different threads of Node's pool. With more than one thread two answers can each get the
 * other's probabilities. With one, every read waits for the one before it; decoding has threads of its own.
 */
const THREAD_POOL_SIZE = '1';

/**
 * Starts the process of a model. It inherits nothing: no loader arguments, which llama.cpp's own test process would
 * stumble over, no environment, and no standard streams, which belong to the native code.
 */
export async function startLlamaChild(model: string, settings: LoadSettings, signal: AbortSignal): Promise<ModelProcess> {
  signal.throwIfAborted();
  const child = fork(MAIN, [], {
    execArgv: [],
    serialization: 'advanced',
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    env: { NODE_LLAMA_CPP_SKIP_DOWNLOAD: 'true', UV_THREADPOOL_SIZE: THREAD_POOL_SIZE },
  });
  const gone = whenGone(child);
  const facts = await loadIn(child, gone, model, settings, signal).catch(async (thrown: unknown) => {
    child.kill('SIGKILL');
    await gone;
    throw thrown;
  });
  return new LlamaChild(child, gone, facts);
}

function whenGone(child: ChildProcess): Promise<string> {
  return new Promise((resolve) => {
    child.once('exit', (code, signal) => resolve(signal ?? `exit code ${code}`));
    child.once('error', (error) => resolve(error.name));
  });
}

async function loadIn(child: ChildProcess, gone: Promise<string>, model: string, settings: LoadSettings, signal: AbortSignal): Promise<ModelFacts> {
  const bounded = AbortSignal.any([signal, AbortSignal.timeout(LOAD_LIMIT_MS)]);
  send(child, { type: 'load', ...settings });
  const report = await Promise.race([
    once(child, 'message', { signal: bounded }).then(
      ([message]) => message as Report,
      (thrown: unknown) => Promise.reject(signal.aborted ? thrown : loadError(model, settings, 'unusable', `no word in ${LOAD_LIMIT_MS} ms`)),
    ),
    gone.then((reason) => Promise.reject(loadError(model, settings, 'unusable', `the process ended with ${reason}`))),
  ]);
  if (report.type === 'loaded') return report.facts;
  throw loadError(model, settings, report.type === 'load-failed' ? report.reason : 'unusable');
}

/** The path stands in the cause alone, because the message may reach a client. */
function loadError(model: string, { weightsPath }: LoadSettings, reason: LoadFailure, how = 'the process refused it'): ServiceError {
  const detail = { cause: new Error(`${weightsPath}: ${how}`) };
  switch (reason) {
    case 'missing':
      return new ServiceError('model_not_installed', `The model '${model}' is not installed: there is no file with its weights.`, detail);
    case 'not-gguf':
      return new ServiceError('failed_precondition', `The model '${model}' cannot be loaded: its file is not a whole GGUF file.`, detail);
    case 'other-digest':
      return new ServiceError('failed_precondition', `The model '${model}' cannot be loaded: its weights are not those that were registered.`, { cause: new OtherWeights(weightsPath) });
    case 'unusable':
      return new ServiceError('failed_precondition', `The model '${model}' cannot be loaded: llama.cpp does not take its weights, or the memory is too small for them.`, detail);
  }
}

function send(child: ChildProcess, command: Command): void {
  // A child that went away reports that by its exit; the failed send adds nothing.
  if (child.connected) child.send(command, () => undefined);
}

class LlamaChild implements ModelProcess {
  readonly facts: ModelFacts;
  readonly gone: Promise<string>;
  readonly #child: ChildProcess;
  readonly #answers = new Map<number, PartQueue>();
  #lastId = 0;
  #isGone = false;

  constructor(child: ChildProcess, gone: Promise<string>, facts: ModelFacts) {
    this.#child = child;
    this.gone = gone;
    this.facts = facts;
    child.on('message', (report: Report) => this.#receive(report));
    void gone.then(() => {
      this.#isGone = true;
      for (const answer of this.#answers.values()) answer.fail(crashed());
    });
  }

  async *answer(prompt: Prompt, signal: AbortSignal): AsyncGenerator<AnswerPart> {
    if (this.#isGone) throw crashed();
    const id = ++this.#lastId;
    const parts = new PartQueue();
    const cancel = (): void => send(this.#child, { type: 'cancel', id });
    this.#answers.set(id, parts);
    signal.addEventListener('abort', cancel, { once: true });
    try {
      send(this.#child, { type: 'generate', id, prompt: prompt.text, seed: prompt.seed, sampling: prompt.sampling });
      if (signal.aborted) cancel();
      for (let part = await parts.next(); part; part = await parts.next()) yield part;
    } finally {
      signal.removeEventListener('abort', cancel);
      if (!parts.isEnded) cancel();
      await parts.ended;
      this.#answers.delete(id);
    }
  }

  async end(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.gone;
  }

  #receive(report: Report): void {
    if (report.type === 'loaded' || report.type === 'load-failed') return;
    const answer = this.#answers.get(report.id);
    if (report.type === 'failed') answer?.fail(refusal(report.failure));
    else answer?.push(report);
  }
}

function crashed(): ServiceError {
  return new ServiceError('backend_unavailable', 'The process of the model ended while it was answering.', { retryAfterSeconds: 1 });
}

function refusal(failure: GenerateFailure): ServiceError {
  switch (failure.kind) {
    case 'prompt-too-long':
      return new ServiceError(
        'context_length_exceeded',
        `This model takes ${failure.contextTokens} tokens of prompt and answer together; the prompt alone has ${failure.promptTokens}.`,
        { param: 'text_input' },
      );
    case 'unknown-token':
      return new ServiceError('invalid_value', `'${failure.param}' names a token that the model does not have.`, { param: failure.param });
    case 'unusable-schema':
      return new ServiceError('unsupported_parameter', 'The local engine cannot force an answer into this JSON schema.', { param: 'guided_decoding' });
    case 'internal':
      return new ServiceError('upstream_error', 'The model failed to answer.', { cause: new Error(failure.name) });
  }
}
