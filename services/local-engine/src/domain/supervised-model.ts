import type { Clock, Timer } from '@sluice/clock';
import { ServiceError } from '@sluice/errors';
import type { Logger } from '@sluice/telemetry';
import type { ModelFacts } from '../llama-process/messages.ts';
import type { AnswerPart, LoadSettings, ModelProcess, Prompt, StartModelProcess } from './model-process.ts';
import { ModelStatistics } from './model-statistics.ts';
import { SequenceQueue } from './sequence-queue.ts';

const FIRST_RESTART_DELAY_MS = 100;
const LONGEST_RESTART_DELAY_MS = 30_000;
/** A process that lived this long did not fail because of how it was started. */
const HEALTHY_AFTER_MS = 60_000;

export interface SupervisedModelParts {
  readonly start: StartModelProcess;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly waitingLimit: number;
  readonly waitLimitMs: number;
}

/** One loaded model: its process, who may use it, and its way back after a crash. */
export class SupervisedModel {
  readonly name: string;
  readonly settings: LoadSettings;
  readonly statistics = new ModelStatistics();
  readonly #parts: SupervisedModelParts;
  readonly #queue: SequenceQueue;
  readonly #unloading = new AbortController();
  #process: ModelProcess;
  #isUp = true;
  #failuresInARow = 0;
  #restartTimer: Timer | undefined;
  #restarting: Promise<void> = Promise.resolve();

  private constructor(name: string, settings: LoadSettings, process: ModelProcess, parts: SupervisedModelParts) {
    this.name = name;
    this.settings = settings;
    this.#process = process;
    this.#parts = parts;
    this.#queue = new SequenceQueue({ sequences: settings.sequences, waitingLimit: parts.waitingLimit, waitLimitMs: parts.waitLimitMs }, parts.clock);
    this.#watch(process);
  }

  /** Loads the model; throws as StartModelProcess does. Only a model that was loaded once is restarted. */
  static async load(name: string, settings: LoadSettings, parts: SupervisedModelParts, signal: AbortSignal): Promise<SupervisedModel> {
    return new SupervisedModel(name, settings, await parts.start(name, settings, signal), parts);
  }

  get isReady(): boolean {
    return this.#isUp && !this.#process.isSilent && !this.#unloading.signal.aborted;
  }

  /** Requests that wait for a sequence, and sequences that make an answer. */
  get load(): { readonly waiting: number; readonly inUse: number } {
    return this.#queue;
  }

  get facts(): ModelFacts {
    return this.#process.facts;
  }

  /** Waits for a sequence and answers. Throws `backend_unavailable` when the process is away or goes away, `overloaded` when too many wait. */
  async *answer(prompt: Prompt, signal: AbortSignal): AsyncGenerator<AnswerPart> {
    if (!this.isReady) throw this.#notReady();
    const { clock } = this.#parts;
    const startedMs = clock.monotonicMs();
    let outcome: 'success' | 'fail' | 'cancel' = 'cancel';
    let release: (() => void) | undefined;
    try {
      release = await this.#queue.acquire(AbortSignal.any([signal, this.#unloading.signal]));
      this.statistics.add('queue', clock.monotonicMs() - startedMs);
      for await (const part of this.#process.answer(prompt, signal)) {
        if (part.type === 'finished' && part.reason !== 'cancelled') outcome = 'success';
        yield part;
      }
    } catch (thrown) {
      if (!signal.aborted) outcome = 'fail';
      throw thrown;
    } finally {
      release?.();
      this.statistics.add(outcome, clock.monotonicMs() - startedMs);
      this.statistics.lastInferenceMs = clock.wallMs();
    }
  }

  /** The tokens of a prompt, as its answer would count them. Waits for nothing, and is no inference: no statistics tell of it. */
  async countPrompt(text: string, signal: AbortSignal): Promise<number> {
    if (!this.isReady) throw this.#notReady();
    return this.#process.countPrompt(text, signal);
  }

  /** Ends the model and its answers; resolves when its process is gone. */
  async unload(): Promise<void> {
    this.#unloading.abort(this.#notReady());
    this.#restartTimer?.cancel();
    await this.#restarting;
    await this.#process.end();
  }

  #watch(process: ModelProcess): void {
    const startedMs = this.#parts.clock.monotonicMs();
    this.#isUp = true;
    this.#queue.open();
    void process.gone.then((reason) => {
      this.#isUp = false;
      this.#queue.close();
      if (this.#unloading.signal.aborted) return;
      if (this.#parts.clock.monotonicMs() - startedMs >= HEALTHY_AFTER_MS) this.#failuresInARow = 0;
      this.#parts.logger.warn({ model: this.name, reason }, 'the process of a model went away');
      this.#restartLater();
    });
  }

  #restartLater(): void {
    const delayMs = Math.min(LONGEST_RESTART_DELAY_MS, FIRST_RESTART_DELAY_MS * 2 ** this.#failuresInARow++);
    this.#restartTimer = this.#parts.clock.after(delayMs, () => (this.#restarting = this.#restart()));
  }

  async #restart(): Promise<void> {
    try {
      this.#process = await this.#parts.start(this.name, this.settings, this.#unloading.signal);
      this.#watch(this.#process);
      this.#parts.logger.info({ model: this.name }, 'the model is loaded again');
    } catch (thrown) {
      if (this.#unloading.signal.aborted) return;
      this.#parts.logger.warn({ model: this.name, error: ServiceError.from(thrown) }, 'the model could not be loaded again');
      this.#restartLater();
    }
  }

  #notReady(): ServiceError {
    return new ServiceError('backend_unavailable', `The model '${this.name}' is not ready at the local engine.`, { retryAfterSeconds: 1 });
  }
}
