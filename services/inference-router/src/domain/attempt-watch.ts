import type { Clock, Timer } from '@sluice/clock';
import { ServiceError } from '@sluice/errors';

export interface AttemptLimits {
  readonly firstEventMs: number;
  readonly idleMs: number;
}

/**
 * The deadlines of one attempt, as a signal: the first event, the gap between events, and the caller's own leaving or
 * deadline. Time counts only while somebody waits for the backend, so a slow reader is not taken for a slow backend.
 * One timer runs for all of it and is moved when it fires, because setting one per event would cost more than the event.
 */
export class AttemptWatch implements Disposable {
  readonly #controller = new AbortController();
  readonly #clock: Clock;
  readonly #caller: AbortSignal;
  readonly #limits: AttemptLimits;
  readonly #onCallerAbort = (): void => this.#controller.abort(this.#caller.reason);
  #timer: Timer | undefined;
  #waitingSinceMs: number | undefined;
  #hasBegun = false;

  constructor(clock: Clock, caller: AbortSignal, limits: AttemptLimits) {
    this.#clock = clock;
    this.#caller = caller;
    this.#limits = limits;
    if (caller.aborted) this.#onCallerAbort();
    else caller.addEventListener('abort', this.#onCallerAbort, { once: true });
    this.#arm(limits.firstEventMs);
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  waiting(): void {
    this.#waitingSinceMs = this.#clock.monotonicMs();
  }

  arrived(): void {
    this.#waitingSinceMs = undefined;
    this.#hasBegun = true;
  }

  [Symbol.dispose](): void {
    this.#timer?.cancel();
    this.#caller.removeEventListener('abort', this.#onCallerAbort);
  }

  #arm(delayMs: number): void {
    // The first event may have more time than the gap behind it, which begins whenever it came.
    this.#timer = this.#clock.after(Math.max(1, Math.min(delayMs, this.#limits.idleMs)), () => this.#check());
  }

  #check(): void {
    const nowMs = this.#clock.monotonicMs();
    const limitMs = this.#hasBegun ? this.#limits.idleMs : this.#limits.firstEventMs;
    const waitedMs = this.#waitingSinceMs === undefined ? 0 : nowMs - this.#waitingSinceMs;
    if (waitedMs < limitMs) return this.#arm(limitMs - waitedMs);
    const what = this.#hasBegun ? 'stopped answering' : 'did not answer in time';
    this.#controller.abort(new ServiceError('upstream_timeout', `The model's backend ${what}.`));
  }
}
