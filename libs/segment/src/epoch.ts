import type { Clock } from '@sluice/clock';
import { ServiceError } from '@sluice/errors';
import type { EventLog } from '@sluice/events';
import type { Logger } from '@sluice/telemetry';
import { LEASE_MS, RENEW_EVERY_MS, RENEW_RETRY_MS } from './limits.ts';

export interface EpochLeaseDependencies {
  readonly events: Pick<EventLog, 'takeEpoch' | 'renewEpoch'>;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly producer: string;
}

/**
 * The right to append and to release, for as long as the log heard of this process. Time is counted on the monotonic
 * clock from before a sign of life was sent, because nobody knows when on its way it was noticed; so a process that
 * was paused sees by itself that its time is over. The monotonic clock stands still while the machine sleeps, so what
 * the wall clock gained on it since then counts as time that has passed too.
 */
export class EpochLease {
  readonly epoch: bigint;
  readonly #from: EpochLeaseDependencies;
  #deadlineMs: number;
  /** How far the wall clock was ahead of the monotonic one when the last sign that was heard was sent. */
  #wallAheadMs: number;
  #renewDueMs: number;
  #renewing = false;
  #closed = false;
  #unansweredSinceMs: number | undefined;

  private constructor(from: EpochLeaseDependencies, epoch: bigint, sentAtMs: number, wallAheadMs: number) {
    this.#from = from;
    this.epoch = epoch;
    this.#wallAheadMs = wallAheadMs;
    this.#deadlineMs = sentAtMs + LEASE_MS;
    this.#renewDueMs = sentAtMs + RENEW_EVERY_MS;
  }

  /** Makes a new epoch, which closes an older one of this producer. Fails when the log does not answer within the time of a lease, which would be over by then. */
  static async take(from: EpochLeaseDependencies): Promise<EpochLease> {
    const sentAtMs = from.clock.monotonicMs();
    const wallAheadMs = wallAhead(from.clock);
    const late = Promise.withResolvers<never>();
    const timer = from.clock.after(LEASE_MS, () => late.reject(new ServiceError('audit_log_unavailable', 'The event log does not answer.')));
    try {
      return new EpochLease(from, await Promise.race([from.events.takeEpoch(from.producer), late.promise]), sentAtMs, wallAheadMs);
    } finally {
      timer.cancel();
    }
  }

  held(): boolean {
    const { clock } = this.#from;
    // A wall clock that was set back says nothing of a sleep, and gives no time back.
    const asleepMs = Math.max(0, wallAhead(clock) - this.#wallAheadMs);
    return !this.#closed && clock.monotonicMs() + asleepMs < this.#deadlineMs;
  }

  /** When the oldest renewal without an answer was sent. */
  get unansweredSinceMs(): number | undefined {
    return this.#unansweredSinceMs;
  }

  /** Renews when it is time and no renewal is under way. Never throws; what came of it shows in `held`. */
  async renewWhenDue(): Promise<void> {
    const { clock, events, logger, producer } = this.#from;
    const sentAtMs = clock.monotonicMs();
    const wallAheadMs = wallAhead(clock);
    if (this.#renewing || this.#closed || sentAtMs < this.#renewDueMs) return;
    this.#renewing = true;
    this.#unansweredSinceMs ??= sentAtMs;
    try {
      await events.renewEpoch(producer, this.epoch);
      this.#deadlineMs = sentAtMs + LEASE_MS;
      this.#renewDueMs = sentAtMs + RENEW_EVERY_MS;
      this.#wallAheadMs = wallAheadMs;
      this.#unansweredSinceMs = undefined;
    } catch (thrown) {
      const error = ServiceError.from(thrown);
      this.#closed = error.code === 'epoch_lost';
      this.#renewDueMs = clock.monotonicMs() + RENEW_RETRY_MS;
      logger.warn({ producer, epoch: this.epoch, code: error.code, error: causeOf(error) }, 'the epoch was not renewed');
    } finally {
      this.#renewing = false;
    }
  }
}

function wallAhead(clock: Clock): number {
  return clock.wallMs() - clock.monotonicMs();
}

function causeOf(error: ServiceError): Error {
  return error.cause instanceof Error ? error.cause : error;
}
