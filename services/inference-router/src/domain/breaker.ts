import type { Clock } from '@sluice/clock';
import { BREAKER_FAILURES, BREAKER_OPEN_LIMIT_MS, BREAKER_OPEN_MS } from './limits.ts';

export type BreakerState = 'closed' | 'open' | 'half-open';

/**
 * Takes a deployment out after failures in a row, and lets one call at a time try it again after a while, each time
 * a longer one. Every attempt ends in exactly one of `succeeded`, `failed`, `dropped`.
 */
export class Breaker {
  readonly #clock: Clock;
  #failures = 0;
  #openedMs: number | undefined;
  #openForMs = BREAKER_OPEN_MS;
  #isTrialRunning = false;

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
    return state === 'closed' || (state === 'half-open' && !this.#isTrialRunning);
  }

  /** How long it stays open. */
  get retryAfterMs(): number {
    return this.#openedMs === undefined ? 0 : Math.max(0, this.#openedMs + this.#openForMs - this.#clock.monotonicMs());
  }

  begin(): void {
    if (this.state === 'half-open') this.#isTrialRunning = true;
  }

  succeeded(): void {
    this.#failures = 0;
    this.#openedMs = undefined;
    this.#openForMs = BREAKER_OPEN_MS;
    this.#isTrialRunning = false;
  }

  failed(): void {
    this.#failures++;
    const { state } = this;
    this.#isTrialRunning = false;
    // Calls that began before it opened and fail now say nothing new.
    if (state === 'open' || (state === 'closed' && this.#failures < BREAKER_FAILURES)) return;
    if (state === 'half-open') this.#openForMs = Math.min(this.#openForMs * 2, BREAKER_OPEN_LIMIT_MS);
    this.#openedMs = this.#clock.monotonicMs();
  }

  /** The attempt ended without saying anything about the deployment: its caller left. */
  dropped(): void {
    this.#isTrialRunning = false;
  }
}
