import type { Clock } from '@sluice/clock';
import { ServiceError } from '@sluice/errors';
import type { AuditService } from '@sluice/proto/audit/v1/audit';
import type { Client } from '@sluice/rpc';
import type { Logger } from '@sluice/telemetry';
import { COUNTED_REFUSALS } from '../domain/limits/counted-refusals.ts';
import type { RateLimits } from '../domain/limits/rate-limits.ts';

const DAY_MS = 86_400_000;
const RETRY_MS = 200;
/** So long the first call waits for what came before it; longer, a gateway that is up is worth more than a limit that is exact. */
const START_LIMIT_MS = 3_000;
/** Audit may have to take in much first, and to look through the day of a busy organisation. */
const ANSWER_TIMEOUT_MS = 60_000;
/** As many audit counts in one answer. */
const SUBJECTS_AT_ONCE = 200;

interface Parts {
  readonly audit: Client<typeof AuditService>;
  readonly limits: Pick<RateLimits, 'remember'>;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Throws as long as nobody knows who is limited. */
  readonly limitedByDay: () => ReadonlyMap<string, readonly string[]>;
}

/**
 * Asks audit, once after the start, how many requests the subjects with a limit a day have made in the day before, so that
 * a restart gives nobody another day. It asks again until it is told.
 */
export class DayHistory {
  readonly #parts: Parts;
  readonly #told = new Set<string>();
  readonly #stopped = new AbortController();
  readonly #startedMs: number;
  #running: Promise<void> = Promise.resolve();

  /** From now on this process counts by itself. */
  constructor(parts: Parts) {
    this.#parts = parts;
    this.#startedMs = parts.clock.wallMs();
  }

  /** Resolves when it was told, or when it takes too long; then it goes on asking. */
  async start(): Promise<void> {
    this.#running = this.#run();
    const { promise: tooLate, resolve } = Promise.withResolvers<void>();
    const limit = this.#parts.clock.after(START_LIMIT_MS, resolve);
    await Promise.race([this.#running, tooLate]);
    limit.cancel();
  }

  async stop(): Promise<void> {
    this.#stopped.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    let isTold = false;
    while (!this.#stopped.signal.aborted) {
      try {
        return await this.#read();
      } catch (thrown) {
        const { code } = ServiceError.from(thrown);
        // That nobody knows yet who is limited is said elsewhere, and no call is let in then.
        if (!isTold && code !== 'access_unavailable' && !this.#stopped.signal.aborted) {
          isTold = true;
          this.#parts.logger.warn({ code }, 'audit does not tell the requests of the day before the start; limits a day begin anew until it does');
        }
      }
      await this.#pause();
    }
  }

  async #read(): Promise<void> {
    for (const [organisationId, subjects] of this.#parts.limitedByDay()) {
      const unknown = subjects.filter((id) => !this.#told.has(id));
      for (let from = 0; from < unknown.length; from += SUBJECTS_AT_ONCE) await this.#tell(organisationId, unknown.slice(from, from + SUBJECTS_AT_ONCE));
    }
  }

  async #tell(organisationId: string, subjectIds: string[]): Promise<void> {
    const { audit, limits, clock } = this.#parts;
    const asked = { organisationId, subjectIds, sinceMs: BigInt(this.#startedMs - DAY_MS), untilMs: BigInt(this.#startedMs), countedRefusals: [...COUNTED_REFUSALS] };
    const { counts } = await audit.countCalls(asked, { timeoutMs: ANSWER_TIMEOUT_MS, signal: this.#stopped.signal });
    const aheadMs = clock.monotonicMs() - clock.wallMs();
    for (const [id, uses] of Map.groupBy(counts, ({ subjectId }) => subjectId)) {
      limits.remember(id, uses.map(({ lastMs, calls }) => ({ atMs: Number(lastMs) + aheadMs, amount: Number(calls) })));
    }
    for (const id of subjectIds) this.#told.add(id);
  }

  #pause(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = this.#parts.clock.after(RETRY_MS, resolve);
    const { signal } = this.#stopped;
    const wake = (): void => (timer.cancel(), resolve());
    signal.addEventListener('abort', wake, { once: true });
    return promise.finally(() => signal.removeEventListener('abort', wake));
  }
}
