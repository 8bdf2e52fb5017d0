import type { Clock } from '@sluice/clock';
import { ServiceError } from '@sluice/errors';
import type { AnswerPart, LoadSettings, ModelProcess, Prompt } from '../domain/model-process.ts';
import type { ModelFacts, Report } from '../llama-process/messages.ts';
import { crashed, loadError, refusal } from './child-errors.ts';
import { PartQueue } from './part-queue.ts';
import { WatchedChild } from './watched-child.ts';

/** Reading large weights from a slow disk takes minutes; a process that is alive but not done after this will never be. */
const LOAD_LIMIT_MS = 10 * 60_000;

/** Prompts that are counted at once. One takes milliseconds, and holds up the other answers of its process meanwhile. */
const COUNTS_LIMIT = 16;

/** Starts the process of a model, as StartModelProcess says. With a digest to check, `onDigest` gets what the weights have, once it is known. */
export type StartLlamaChild = (model: string, settings: LoadSettings, signal: AbortSignal, onDigest: (digest: string) => void) => Promise<ModelProcess>;

/** How processes of models are started and watched by this clock. */
export function llamaChildren(clock: Clock): StartLlamaChild {
  return async (model, settings, signal, onDigest) => {
    signal.throwIfAborted();
    const child = new WatchedChild(clock);
    const given = Promise.withResolvers<never>();
    const onAbort = (): void => given.reject(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
    const timer = clock.after(LOAD_LIMIT_MS, () => given.reject(loadError(model, settings.weightsPath, 'unusable', `not loaded in ${LOAD_LIMIT_MS} ms`)));
    try {
      return new LlamaChild(child, await Promise.race([given.promise, loadIn(child, model, settings, onDigest)]));
    } catch (thrown) {
      await child.end('not loaded');
      throw thrown;
    } finally {
      timer.cancel();
      signal.removeEventListener('abort', onAbort);
    }
  };
}

async function loadIn(child: WatchedChild, model: string, settings: LoadSettings, onDigest: (digest: string) => void): Promise<ModelFacts> {
  const outcome = Promise.withResolvers<ModelFacts>();
  child.onReport = (report) => {
    if (report.type === 'digest') onDigest(report.digest);
    else if (report.type === 'loaded') outcome.resolve(report.facts);
    else if (report.type === 'load-failed') outcome.reject(loadError(model, settings.weightsPath, report.reason));
  };
  child.send({ type: 'load', ...settings });
  const ended = child.gone.then((reason) => Promise.reject<never>(loadError(model, settings.weightsPath, 'unusable', `the process ended: ${reason}`)));
  return Promise.race([outcome.promise, ended]);
}

class LlamaChild implements ModelProcess {
  readonly facts: ModelFacts;
  readonly #child: WatchedChild;
  readonly #answers = new Map<number, PartQueue>();
  /** Until the process has counted, also when nobody waits for it any more. */
  readonly #counts = new Map<number, PromiseWithResolvers<number>>();
  #lastId = 0;
  #isGone = false;

  constructor(child: WatchedChild, facts: ModelFacts) {
    this.#child = child;
    this.facts = facts;
    child.onReport = (report) => this.#receive(report);
    // An answer that is made and still being read is no work for the process.
    child.isAnswering = () => [...this.#answers.values()].some(({ isEnded }) => !isEnded);
    void child.gone.then(() => {
      this.#isGone = true;
      for (const answer of this.#answers.values()) answer.fail(crashed());
      for (const count of this.#counts.values()) count.reject(crashed());
    });
  }

  get gone(): Promise<string> {
    return this.#child.gone;
  }

  get isSilent(): boolean {
    return this.#child.isSilent;
  }

  async *answer(prompt: Prompt, signal: AbortSignal): AsyncGenerator<AnswerPart> {
    if (this.#isGone) throw crashed();
    const id = ++this.#lastId;
    const parts = new PartQueue();
    const cancel = (): void => this.#child.send({ type: 'cancel', id });
    this.#answers.set(id, parts);
    signal.addEventListener('abort', cancel, { once: true });
    try {
      this.#child.send({ type: 'generate', id, prompt: prompt.text, seed: prompt.seed, sampling: prompt.sampling });
      if (signal.aborted) cancel();
      for (let part = await parts.next(); part; part = await parts.next()) yield part;
    } finally {
      signal.removeEventListener('abort', cancel);
      if (!parts.isEnded) cancel();
      // Has an end: the child is ended when it hangs.
      await parts.ended;
      this.#answers.delete(id);
    }
  }

  async countPrompt(text: string, signal: AbortSignal): Promise<number> {
    signal.throwIfAborted();
    if (this.#isGone) throw crashed();
    if (this.#counts.size >= COUNTS_LIMIT) throw new ServiceError('overloaded', 'The model counts too many prompts at once.', { retryAfterSeconds: 1 });
    const id = ++this.#lastId;
    const count = Promise.withResolvers<number>();
    const onAbort = (): void => count.reject(signal.reason);
    this.#counts.set(id, count);
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      this.#child.send({ type: 'count', id, prompt: text });
      return await count.promise;
    } finally {
      signal.removeEventListener('abort', onAbort);
    }
  }

  async end(): Promise<void> {
    await this.#child.end('unloaded');
  }

  #receive(report: Report): void {
    if (report.type === 'counted') this.#counts.get(report.id)?.resolve(report.inputTokens);
    else if (report.type === 'failed') {
      this.#counts.get(report.id)?.reject(refusal(report.failure));
      this.#answers.get(report.id)?.fail(refusal(report.failure));
    } else if (report.type === 'piece' || report.type === 'finished') this.#answers.get(report.id)?.push(report);
    else return;
    this.#counts.delete(report.id);
  }
}
