import type { Clock } from '@sluice/clock';
import { ServiceError } from '@sluice/errors';
import { SqlError } from '@sluice/sql';
import type { LogFields, Logger } from '@sluice/telemetry';
import type { Subscription } from './event-log.ts';

/**
 * What one pass found: nothing, something, or as much as fits with more waiting behind it. `elsewhere`: another process is at this very
 * work, so nothing is known of how it goes.
 */
export type PassResult = 'none' | 'some' | 'full' | 'elsewhere';

/** One reader's work, done in passes. */
export interface Reader<Target> {
  readonly name: string;
  /** Reads and handles one batch. What throws is tried again, later and later. */
  pass(): Promise<PassResult>;
  /** The end of the log now. */
  target(): Promise<Target>;
  reached(target: Target): Promise<boolean>;
  lag(): number;
}

export interface ReadLoopOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  /** Under load passes start this far apart, so that one transaction takes what came meanwhile. */
  readonly paceMs: number;
  readonly onStop: () => void;
}

/** Without any sign a reader looks by itself: signs may be lost, records may not. */
const POLL_MS = 1_000;
const FIRST_RETRY_MS = 50;
const MAX_RETRY_MS = 5_000;
/** What is over by then is no news. */
const FAULT_AFTER_MS = 5_000;

interface Waiter<Target> {
  readonly target: Target;
  readonly done: PromiseWithResolvers<void>;
}

/** Runs a reader's passes: at once when woken from rest, paced under load, with back-off after a failure. */
export class ReadLoop<Target> implements Subscription {
  readonly #reader: Reader<Target>;
  readonly #options: ReadLoopOptions;
  readonly #waiters = new Set<Waiter<Target>>();
  readonly #running: Promise<void>;
  /** Why reading fails now. */
  readonly #said = new Set<string>();
  #failing: { readonly sinceMs: number; reason: string } | undefined;
  #stopped = false;
  #woken = false;
  #rise: ((urgent: boolean) => void) | undefined;

  constructor(reader: Reader<Target>, options: ReadLoopOptions) {
    this.#reader = reader;
    this.#options = options;
    this.#running = this.#run();
  }

  /** There may be something new. */
  wake(): void {
    this.#woken = true;
    this.#rise?.(false);
  }

  lag(): number {
    return this.#reader.lag();
  }

  /** Why it does not go on, once that has lasted; undefined while it does. */
  get fault(): string | undefined {
    return this.#failing && this.#options.clock.monotonicMs() - this.#failing.sinceMs >= FAULT_AFTER_MS ? this.#failing.reason : undefined;
  }

  async caughtUp(): Promise<void> {
    const waiter = { target: await this.#reader.target(), done: Promise.withResolvers<void>() };
    if (this.#stopped) throw stoppedError();
    this.#waiters.add(waiter);
    this.#woken = true;
    this.#rise?.(true);
    await waiter.done.promise;
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#rise?.(true);
    await this.#running;
    for (const { done } of this.#waiters) done.reject(stoppedError());
    this.#waiters.clear();
    this.#options.onStop();
  }

  async #run(): Promise<void> {
    const { clock, paceMs } = this.#options;
    let retryMs = FIRST_RETRY_MS;
    while (!this.#stopped) {
      const startedMs = clock.monotonicMs();
      this.#woken = false;
      try {
        const result = await this.#reader.pass();
        await this.#tellWaiters();
        retryMs = FIRST_RETRY_MS;
        if (result !== 'elsewhere') this.#succeeded();
        if (result === 'some') await this.#rest(paceMs - (clock.monotonicMs() - startedMs), false);
        else if (result !== 'full' && !this.#woken) await this.#rest(POLL_MS, true);
      } catch (thrown) {
        this.#failed(thrown, retryMs);
        await this.#rest(retryMs, false);
        retryMs = Math.min(retryMs * 2, MAX_RETRY_MS);
      }
    }
  }

  /** Said once for each reason: it is tried again for as long as that lasts. */
  #failed(thrown: unknown, retryMs: number): void {
    const { code, ...fields } = fieldsOf(thrown);
    const reason = thrown instanceof ServiceError ? thrown.message : code;
    if (this.#failing) this.#failing.reason = reason;
    else this.#failing = { sinceMs: this.#options.clock.monotonicMs(), reason };
    const isSaid = this.#said.has(code);
    this.#said.add(code);
    this.#options.logger[isSaid ? 'debug' : 'warn']({ reader: this.#reader.name, retryMs, code, ...fields }, 'reading events failed');
  }

  /** As loud as what it ends, so that who was told of that is told of this. */
  #succeeded(): void {
    if (this.#said.size > 0) this.#options.logger.warn({ reader: this.#reader.name }, 'events are read again');
    this.#said.clear();
    this.#failing = undefined;
  }

  async #tellWaiters(): Promise<void> {
    for (const waiter of this.#waiters) {
      if (!(await this.#reader.reached(waiter.target))) continue;
      this.#waiters.delete(waiter);
      waiter.done.resolve();
    }
  }

  #rest(forMs: number, light: boolean): Promise<void> {
    if (forMs <= 0 || this.#stopped) return Promise.resolve();
    return new Promise((resolve) => {
      const rise = (): void => {
        timer.cancel();
        this.#rise = undefined;
        resolve();
      };
      const timer = this.#options.clock.after(forMs, rise);
      this.#rise = (urgent) => { if (light || urgent) rise(); };
    });
  }
}

function stoppedError(): ServiceError {
  return new ServiceError('cancelled', 'The subscription was stopped.');
}

/** Of a stranger's error only kind and place: its text may quote what was being handled. */
function fieldsOf(thrown: unknown): LogFields & { readonly code: string } {
  if (thrown instanceof ServiceError) return { code: thrown.code, error: thrown };
  if (thrown instanceof SqlError) return { code: thrown.kind, error: thrown };
  if (!(thrown instanceof Error)) return { code: 'internal' };
  return { code: 'internal', errorName: thrown.name, at: /^\s+at (.*)$/m.exec(thrown.stack ?? '')?.[1] };
}
