import type { Clock } from '@sluice/clock';
import type { ServiceError } from '@sluice/errors';
import { LostBackend, reasonOf } from './backend-fault.ts';
import type { Backend } from './backend.ts';
import { Breaker, type Attempt } from './breaker.ts';
import type { Deployment } from './deployment.ts';
import { HealthCheck } from './health-check.ts';
import { mayDoBetterElsewhere, verdictOf } from './verdict.ts';

/** One deployment as this process sees it: its backend, its health, its breaker, and the calls that run on it. */
export class Member {
  readonly deployment: Deployment;
  readonly backend: Backend;
  readonly breaker: Breaker;
  readonly health: HealthCheck;
  readonly #clock: Clock;
  readonly #onDrained: (member: Member) => void;
  #inFlight = 0;
  #isRetired = false;
  #restUntilMs = 0;
  #lastFailure = '';

  constructor(deployment: Deployment, backend: Backend, clock: Clock, onDrained: (member: Member) => void) {
    this.deployment = deployment;
    this.backend = backend;
    this.breaker = new Breaker(clock);
    // What failed while its server was away says nothing of the server that is back.
    this.health = new HealthCheck(backend, clock, () => this.breaker.back());
    this.#clock = clock;
    this.#onDrained = onDrained;
  }

  get inFlight(): number {
    return this.#inFlight;
  }

  get isRetired(): boolean {
    return this.#isRetired;
  }

  get isHealthy(): boolean {
    return this.health.status !== 'down' && this.breaker.allows;
  }

  /** The backend asked for a pause; it is chosen only when there is no other. */
  get isResting(): boolean {
    return this.#clock.monotonicMs() < this.#restUntilMs;
  }

  /** Why it is down, or else why the last attempt failed, until one is answered again; free of content. */
  get reason(): string {
    return this.health.reason || this.#lastFailure;
  }

  /** Begins an attempt; what it gives is handed back with the attempt's news. */
  begin(): Attempt {
    this.#inFlight++;
    return this.breaker.begin();
  }

  /** The attempt's first event came: the deployment works, whatever becomes of the rest. Feeds health and breaker. */
  answering(attempt: Attempt): void {
    this.breaker.answering(attempt);
    this.health.answered();
  }

  /** The attempt is over: answered, or failed for this reason. Feeds health and breaker. */
  end(attempt: Attempt, error: ServiceError | undefined): void {
    this.#inFlight--;
    if (error && mayDoBetterElsewhere(error)) this.#lastFailure = reasonOf(error);
    switch (verdictOf(error)) {
      case 'works':
        this.#lastFailure = '';
        this.breaker.succeeded(attempt);
        this.health.answered();
        break;
      case 'busy':
        this.breaker.dropped(attempt);
        this.#restUntilMs = this.#clock.monotonicMs() + (error?.retryAfterSeconds ?? 1) * 1000;
        break;
      case 'broken':
        this.breaker.failed(attempt);
        if (error?.cause instanceof LostBackend) this.health.lost(error);
        break;
      case 'nothing':
        this.breaker.dropped(attempt);
    }
    this.#closeIfDrained();
  }

  /** Takes no new calls; the running ones end, then the backend is closed. */
  retire(): void {
    if (this.#isRetired) return;
    this.#isRetired = true;
    this.health.stop();
    this.#closeIfDrained();
  }

  #closeIfDrained(): void {
    if (this.#isRetired && this.#inFlight === 0) this.#onDrained(this);
  }
}
