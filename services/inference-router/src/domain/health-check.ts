import type { Clock, Timer } from '@sluice/clock';
import { ServiceError } from '@sluice/errors';
import { reasonOf } from './backend-fault.ts';
import type { Backend } from './backend.ts';
import { PROBE_FAILURES, PROBE_PERIOD_DOWN_MS, PROBE_PERIOD_MS, PROBE_TIMEOUT_MS } from './limits.ts';

export type HealthStatus = 'unknown' | 'up' | 'down';

/** Asks a backend again and again whether it can take calls: at once when it appears, then at a pace that fits its state. */
export class HealthCheck {
  readonly #backend: Backend;
  readonly #clock: Clock;
  readonly #onBack: () => void;
  #status: HealthStatus = 'unknown';
  #fault: ServiceError | undefined;
  #failures = 0;
  /** Checks found it away since one passed; what calls found does not count. */
  #wasAway = false;
  #timer: Timer | undefined;
  readonly #stopped = new AbortController();

  /** @param onBack a check passed after checks had found the backend away */
  constructor(backend: Backend, clock: Clock, onBack: () => void) {
    this.#backend = backend;
    this.#clock = clock;
    this.#onBack = onBack;
  }

  get status(): HealthStatus {
    return this.#status;
  }

  /** Why it is down; free of content. */
  get reason(): string {
    return this.#fault ? reasonOf(this.#fault) : '';
  }

  /** What the check failed with that took it down; undefined unless it is down. */
  get fault(): ServiceError | undefined {
    return this.#fault;
  }

  start(): void {
    void this.#probe();
  }

  stop(): void {
    this.#timer?.cancel();
    this.#stopped.abort(new ServiceError('cancelled', 'The deployment was taken out of service.'));
  }

  /** A call that was answered proves as much as a check. */
  answered(): void {
    this.#failures = 0;
    this.#status = 'up';
    this.#fault = undefined;
  }

  /** A call found it dead, whatever the last check said: it is down until a check passes, and that is made soon. */
  lost(fault: ServiceError): void {
    if (this.#stopped.signal.aborted) return;
    this.#failures = PROBE_FAILURES;
    this.#status = 'down';
    this.#fault = fault;
    // One that is under way ends by itself, and the next one comes at the pace of one that is down.
    if (this.#timer) this.#again(PROBE_PERIOD_DOWN_MS);
  }

  #again(delayMs: number): void {
    this.#timer?.cancel();
    this.#timer = this.#clock.after(delayMs, () => void this.#probe());
  }

  async #probe(): Promise<void> {
    this.#timer = undefined;
    const deadline = new AbortController();
    const timer = this.#clock.after(PROBE_TIMEOUT_MS, () => deadline.abort(new ServiceError('upstream_timeout', 'The health check got no answer in time.')));
    const onStop = (): void => deadline.abort(this.#stopped.signal.reason);
    this.#stopped.signal.addEventListener('abort', onStop, { once: true });
    try {
      await this.#backend.probe(deadline.signal);
      this.answered();
      if (this.#wasAway) this.#onBack();
      this.#wasAway = false;
    } catch (thrown) {
      this.#failed(ServiceError.from(thrown));
    } finally {
      timer.cancel();
      this.#stopped.signal.removeEventListener('abort', onStop);
    }
    if (this.#stopped.signal.aborted) return;
    this.#again(this.#failures === 0 ? PROBE_PERIOD_MS : PROBE_PERIOD_DOWN_MS);
  }

  #failed(fault: ServiceError): void {
    this.#failures++;
    this.#wasAway = true;
    if (this.#status === 'up' && this.#failures < PROBE_FAILURES) return;
    this.#status = 'down';
    this.#fault = fault;
  }
}
