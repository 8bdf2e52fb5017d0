import type { Clock } from '@sluice/clock';
import { BREAKER_FAILURES, BREAKER_OPEN_LIMIT_MS, BREAKER_OPEN_MS } from './limits.ts';

export type BreakerState = 'closed' | 'open' | 'half-open';

/** One attempt as its breaker knows it again; only the breaker reads it. */
export interface Attempt {
  /** The breaker's epoch whose news the attempt brings. */
  epoch: number;
}

/**
 * Takes a deployment out after failures in a row, and lets one call at a time try it again after a while, each time
 * a longer one. Every attempt ends in exactly one of `succeeded`, `failed`, `dropped`; `answering` may come before.
 *
 * The first event of a trial closes the breaker, on probation: until a whole answer the next failure opens it again, for
 * twice as long, so that a backend which always begins and never ends does not stay in. An attempt that began before
 * the breaker opened, or on which it closed meanwhile by the word of another, says nothing new, however it ends.
 */
export class Breaker {
  readonly #clock: Clock;
  /** Counts openings and closings. */
  #epoch = 0;
  #failures = 0;
  #openedMs: number | undefined;
  #openForMs = BREAKER_OPEN_MS;
  /** The attempt that others wait for, until it has had its time. */
  #trial: Attempt | undefined;
  #trialForMs = 0;
  #trialUntilMs = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get state(): BreakerState {
    if (this.#openedMs === undefined) return 'closed';
    return this.retryAfterMs > 0 ? 'open' : 'half-open';
  }

  /** True when a call may begin now. */
  get allows(): boolean {
    const { state } = this;
    if (state !== 'half-open') return state === 'closed';
    return this.#trial === undefined || this.#clock.monotonicMs() >= this.#trialUntilMs;
  }

  /** How long it stays open. */
  get retryAfterMs(): number {
    return this.#openedMs === undefined ? 0 : Math.max(0, this.#openedMs + this.#openForMs - this.#clock.monotonicMs());
  }

  begin(): Attempt {
    const attempt = { epoch: this.#epoch };
    if (this.state === 'half-open') {
      // An answer that is not streamed shows nothing before its end: a trial blocks others for as long as they were kept
      // away before, and each further one for twice as long, so that a backend which hangs takes few calls with it.
      this.#trialForMs = this.#trial ? Math.min(this.#trialForMs * 2, BREAKER_OPEN_LIMIT_MS) : this.#openForMs;
      this.#trialUntilMs = this.#clock.monotonicMs() + this.#trialForMs;
      this.#trial = attempt;
    }
    return attempt;
  }

  /** The first event came. */
  answering(attempt: Attempt): void {
    if (attempt.epoch !== this.#epoch || this.#openedMs === undefined) return;
    this.#openedMs = undefined;
    this.#trial = undefined;
    // Still heard on the other side: it may yet break off.
    attempt.epoch = ++this.#epoch;
  }

  /** The answer came to its end. */
  succeeded(attempt: Attempt): void {
    this.answering(attempt);
    if (attempt.epoch !== this.#epoch) return;
    this.#failures = 0;
    this.#openForMs = BREAKER_OPEN_MS;
  }

  failed(attempt: Attempt): void {
    if (attempt.epoch !== this.#epoch) return;
    this.#failures++;
    if (this.#failures < BREAKER_FAILURES) return;
    // More than opened it: this was a trial, or came on probation.
    if (this.#failures > BREAKER_FAILURES) this.#openForMs = Math.min(this.#openForMs * 2, BREAKER_OPEN_LIMIT_MS);
    this.#openedMs = this.#clock.monotonicMs();
    this.#trial = undefined;
    this.#epoch++;
  }

  /**
   * Its server was away and is back: the next call is a trial at once, and if that fails it stays open no longer than the
   * first time. Attempts that began before say nothing of the server that is there now.
   */
  back(): void {
    if (this.#openedMs === undefined) return;
    this.#failures = BREAKER_FAILURES - 1;
    this.#openForMs = BREAKER_OPEN_MS;
    this.#openedMs = this.#clock.monotonicMs() - BREAKER_OPEN_MS;
    this.#trial = undefined;
    this.#epoch++;
  }

  /** The attempt ended without saying anything about the deployment: its caller left. */
  dropped(attempt: Attempt): void {
    if (attempt === this.#trial) this.#trial = undefined;
  }
}
