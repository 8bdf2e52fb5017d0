import { HealthCheckResponse_ServingStatus as Status, type Health, type HealthCheckRequest } from '@sluice/proto/grpc/health/v1/health';
import type { Clock } from '@sluice/clock';
import { ServiceError } from '@sluice/errors';
import type { HandlerContext, Implementation } from '../service.ts';

const LOOK_PERIOD_MS = 1_000;
/** Watchers are balancers and orchestrators, one or two per peer. */
const WATCHERS_LIMIT = 1_000;

/**
 * The standard health service (grpc/grpc, doc/health-checking.md). The empty name stands for the whole process; all
 * services of a process serve or do not serve together.
 */
export class GrpcHealth implements Implementation<typeof Health> {
  readonly #clock: Clock;
  readonly #isServing: () => boolean;
  readonly #services = new Set(['']);
  readonly #stopped = new AbortController();
  #watchers = 0;

  constructor(clock: Clock, isServing: () => boolean) {
    this.#clock = clock;
    this.#isServing = isServing;
  }

  add(service: string): void {
    this.#services.add(service);
  }

  /** From now on nothing is served; watchers are told, and their calls end. */
  stop(): void {
    this.#stopped.abort();
  }

  async check({ service }: HealthCheckRequest): Promise<{ status: Status }> {
    const status = this.#status(service);
    if (status === Status.SERVICE_UNKNOWN) throw new ServiceError('not_found', 'No such service is served here.');
    return { status };
  }

  async list(): Promise<{ statuses: Record<string, { status: Status }> }> {
    return { statuses: Object.fromEntries([...this.#services].map((service) => [service, { status: this.#status(service) }])) };
  }

  async *watch({ service }: HealthCheckRequest, { signal }: HandlerContext): AsyncGenerator<{ status: Status }> {
    if (this.#watchers >= WATCHERS_LIMIT) throw new ServiceError('overloaded', 'Too many callers watch the health of this process.');
    this.#watchers++;
    try {
      let told: Status | undefined;
      while (!signal.aborted) {
        const status = this.#status(service);
        if (status !== told) yield { status: (told = status) };
        if (this.#stopped.signal.aborted) return;
        await this.#pause(signal);
      }
    } finally {
      this.#watchers--;
    }
  }

  #status(service: string): Status {
    if (!this.#services.has(service)) return Status.SERVICE_UNKNOWN;
    return !this.#stopped.signal.aborted && this.#isServing() ? Status.SERVING : Status.NOT_SERVING;
  }

  /** Until it is time to look again, the watcher leaves or the process stops. */
  #pause(signal: AbortSignal): Promise<void> {
    const ends = AbortSignal.any([signal, this.#stopped.signal]);
    return new Promise((resolve) => {
      if (ends.aborted) return resolve();
      const timer = this.#clock.after(LOOK_PERIOD_MS, resolve);
      ends.addEventListener('abort', () => (timer.cancel(), resolve()), { once: true });
    });
  }
}
