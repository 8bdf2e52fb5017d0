import type { Clock } from '@sluice/clock';
import { ServiceError } from '@sluice/errors';
import type { AuditService } from '@sluice/proto/audit/v1/audit';
import type { Client } from '@sluice/rpc';
import type { Use } from '@sluice/store';
import type { Logger } from '@sluice/telemetry';
import { COUNTED_REFUSALS } from '../domain/limits/counted-refusals.ts';
import type { RateLimits } from '../domain/limits/rate-limits.ts';

const DAY_MS = 86_400_000;
const FIRST_RETRY_MS = 200;
/** A count that fails may have cost the database much, so it is not asked for again and again. */
const LAST_RETRY_MS = 30_000;
/** So long the first call waits for what came before it; longer, a gateway that is up is worth more than a limit that is exact. */
const START_LIMIT_MS = 3_000;
/** Audit may have to take in much first. */
const ANSWER_TIMEOUT_MS = 60_000;
/** As many audit counts in one answer. */
const SUBJECTS_AT_ONCE = 200;
/** A day is counted in pieces of an hour; after a failure in smaller ones, down to what audit counts as one. */
const LARGEST_PIECE_MS = 3_600_000;
const SMALLEST_PIECE_MS = 600_000;

interface Parts {
  readonly audit: Client<typeof AuditService>;
  readonly limits: Pick<RateLimits, 'remember'>;
  readonly clock: Clock;
  /** From 0 up to, not including, 1. */
  readonly random: () => number;
  readonly logger: Logger;
  /** Throws as long as nobody knows who is limited. */
  readonly limitedByDay: () => ReadonlyMap<string, readonly string[]>;
}

/** Some subjects of one organisation, and what is known of their day. */
interface Count {
  readonly organisationId: string;
  readonly subjectIds: string[];
  /** Counted until then, without it. */
  untilMs: number;
  readonly uses: Map<string, Use[]>;
}

/**
 * Asks audit, once after the start, how many requests the subjects with a limit a day have made in the day before, so that
 * a restart gives nobody another day. It asks again until it is told, and goes on where it was; a day after the start
 * there is nothing left to tell.
 */
export class DayHistory {
  readonly #parts: Parts;
  readonly #told = new Set<string>();
  readonly #stopped = new AbortController();
  readonly #startedMs: number;
  readonly #startedAtMs: number;
  /** What is to be counted, the next one first; kept over failures. */
  readonly #counts: Count[] = [];
  #pieceMs = LARGEST_PIECE_MS;
  #running: Promise<void> = Promise.resolve();

  /** From now on this process counts by itself. */
  constructor(parts: Parts) {
    this.#parts = parts;
    this.#startedMs = parts.clock.wallMs();
    this.#startedAtMs = parts.clock.monotonicMs();
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
    const { clock, random, logger } = this.#parts;
    let isTold = false;
    let failures = 0;
    while (!this.#stopped.signal.aborted && clock.monotonicMs() - this.#startedAtMs < DAY_MS) {
      try {
        return await this.#read(() => (failures = 0));
      } catch (thrown) {
        const { code } = ServiceError.from(thrown);
        if (this.#stopped.signal.aborted) return;
        // That nobody knows yet who is limited is said elsewhere, costs nobody anything, and no call is let in then.
        if (code === 'access_unavailable') failures = 0;
        else {
          failures++;
          // An audit that is away has not counted in vain.
          if (code !== 'backend_unavailable') this.#pieceMs = Math.max(SMALLEST_PIECE_MS, this.#pieceMs / 2);
          if (!isTold) logger.warn({ code }, 'audit does not tell the requests of the day before the start; limits a day begin anew until it does');
          isTold = true;
        }
      }
      const longestMs = Math.min(LAST_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.max(0, failures - 1));
      // Gateways that started together do not ask again together.
      await this.#pause(longestMs * (0.5 + random() / 2));
    }
  }

  /** One that fails goes behind the others: the day of an organisation is not kept waiting by that of another. */
  async #read(onProgress: () => void): Promise<void> {
    this.#addUntold();
    for (let count = this.#counts.shift(); count; count = this.#counts.shift()) {
      try {
        await this.#finish(count, onProgress);
      } catch (thrown) {
        this.#counts.push(count);
        throw thrown;
      }
    }
  }

  #addUntold(): void {
    const asked = new Set(this.#counts.flatMap(({ subjectIds }) => subjectIds));
    for (const [organisationId, subjects] of this.#parts.limitedByDay()) {
      const unknown = subjects.filter((id) => !this.#told.has(id) && !asked.has(id));
      for (let from = 0; from < unknown.length; from += SUBJECTS_AT_ONCE) {
        this.#counts.push({ organisationId, subjectIds: unknown.slice(from, from + SUBJECTS_AT_ONCE), untilMs: this.#startedMs - DAY_MS, uses: new Map() });
      }
    }
  }

  /** Counts on to the start of this process, and tells it then: what comes before must be told at once. */
  async #finish(count: Count, onProgress: () => void): Promise<void> {
    const { limits } = this.#parts;
    while (count.untilMs < this.#startedMs) {
      await this.#countPiece(count);
      onProgress();
    }
    for (const [id, uses] of count.uses) limits.remember(id, uses);
    for (const id of count.subjectIds) this.#told.add(id);
  }

  async #countPiece(count: Count): Promise<void> {
    const { audit, clock } = this.#parts;
    const { organisationId, subjectIds, uses } = count;
    const untilMs = Math.min(this.#startedMs, count.untilMs + this.#pieceMs);
    const asked = { organisationId, subjectIds, sinceMs: BigInt(count.untilMs), untilMs: BigInt(untilMs), countedRefusals: [...COUNTED_REFUSALS] };
    const { counts } = await audit.countCalls(asked, { timeoutMs: ANSWER_TIMEOUT_MS, signal: this.#stopped.signal });
    const aheadMs = clock.monotonicMs() - clock.wallMs();
    for (const { subjectId, lastMs, calls } of counts) {
      const use = { atMs: Number(lastMs) + aheadMs, amount: Number(calls) };
      const known = uses.get(subjectId);
      if (known) known.push(use);
      else uses.set(subjectId, [use]);
    }
    count.untilMs = untilMs;
  }

  #pause(delayMs: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = this.#parts.clock.after(delayMs, resolve);
    const { signal } = this.#stopped;
    const wake = (): void => (timer.cancel(), resolve());
    signal.addEventListener('abort', wake, { once: true });
    return promise.finally(() => signal.removeEventListener('abort', wake));
  }
}
