import { systemClock, systemIds } from '@sluice/clock';
import { processEnvironment } from '@sluice/config';
import { ServiceError } from '@sluice/errors';
import type { SegmentReading } from '@sluice/events/kafka-segments';
import { readKafkaServers } from '@sluice/host';
import { silentLogger } from '@sluice/telemetry';
import { CommandFailed } from '../exit-code.ts';
import type { LoggedCall } from './accounts.ts';
import { CallLog } from './call-log.ts';
import type { Window } from './window.ts';

/** What the log has of the calls of a time. */
export interface LogAccount {
  readonly calls: readonly LoggedCall[];
  /** In milliseconds since the Unix epoch: calls that began before may be missing. Undefined where the log has all of the time. */
  readonly sinceMs: number | undefined;
}

/** The event log on Kafka, read once: each look reads on from where the last one ended. */
export class LogOnKafka {
  readonly #brokers: readonly string[];
  readonly #window: Window;
  readonly #signal: AbortSignal;
  readonly #log: CallLog;
  #reading: SegmentReading | undefined;

  constructor(brokers: readonly string[], window: Window, signal: AbortSignal) {
    this.#brokers = brokers;
    this.#window = window;
    this.#signal = signal;
    this.#log = new CallLog(window);
  }

  /** Throws a CommandFailed that names the brokers when they do not answer, or do not let this be read. */
  async read(): Promise<LogAccount> {
    const brokers = this.#brokers.join(',');
    try {
      const reading = (this.#reading ??= await this.#open(brokers));
      await reading.readOn((entries) => this.#log.take(entries));
      const sinceMs = Math.min(reading.wholeSinceMs ?? 0, Date.parse(this.#window.until));
      return { calls: this.#log.calls(), sinceMs: sinceMs > Date.parse(this.#window.since) ? sinceMs : undefined };
    } catch (thrown) {
      if (!(thrown instanceof ServiceError)) throw thrown;
      throw new CommandFailed(`The event log on Kafka cannot be read at ${brokers} (--kafka): ${thrown.message}`, { cause: thrown });
    }
  }

  async #open(brokers: string): Promise<SegmentReading> {
    const { SegmentReading } = await import('@sluice/events/kafka-segments');
    const servers = readKafkaServers({ ...processEnvironment, KAFKA_BROKERS: brokers })!;
    return new SegmentReading({ ...servers, clock: systemClock, ids: systemIds(systemClock), logger: silentLogger, signal: this.#signal });
  }
}
