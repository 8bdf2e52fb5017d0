import type { Clock, Ids, Timer } from '@sluice/clock';
import { ServiceError } from '@sluice/errors';
import type { Logger } from '@sluice/telemetry';
import type { EachBatchPayload } from 'kafkajs';
import type { SegmentEntry } from '../event-log.ts';
import { endsOf } from './cursors.ts';
import { SEGMENT_TOPIC } from './declared-topics.ts';
import { GroupReader, type KafkaHouse } from './group-reader.ts';
import { createKafka, type KafkaServers } from './kafka-client.ts';
import { streamBatch, type EpochState } from './producer-stream.ts';
import { OWN_GROUPS } from './rights.ts';
import { readSegmentRecord } from './segment-record.ts';

/** Somebody who asks for what is there gets it within half a second; joining a group takes some more. */
const SILENCE_LIMIT_MS = 30_000;
/** What is refused is not tried for long: somebody waits for an answer. A reader that ends is built anew all the same. */
const FEW = { retries: 2 };

export interface ReadSegmentsOptions extends KafkaServers {
  readonly clock: Clock;
  readonly ids: Ids;
  readonly logger: Logger;
  /** In front of every name of a topic; nothing when not given. */
  readonly topicPrefix?: string;
  readonly signal: AbortSignal;
}

/** What of a partition was read. */
interface Partition {
  /** Where its records began, and to where they are read now. */
  low: bigint;
  high: bigint;
  nextOffset: bigint;
  /** When its oldest record was written; undefined until one was read. */
  oldestMs: number | undefined;
  readonly epochs: Map<string, EpochState>;
}

/**
 * Reads the log of segments, as every consumer understands it: what is repeated once, what stands behind the end of its
 * epoch as `late`. Commits nothing and disturbs no consumer.
 */
export class SegmentReading {
  readonly #options: ReadSegmentsOptions;
  readonly #partitions = new Map<number, Partition>();
  #house: KafkaHouse | undefined;

  constructor(options: ReadSegmentsOptions) {
    this.#options = options;
  }

  /**
   * Reads on from where the last call ended, at first from the oldest record, to the end that the log has now.
   * Errors: `audit_log_unavailable` when no broker answers, or none has said anything for half a minute; `failed_precondition` when
   * Kafka does not let this process read; the reason of the signal.
   */
  async readOn(onEntries: (entries: readonly SegmentEntry[]) => void): Promise<void> {
    const { clock, ids: _ids, logger, topicPrefix = '', signal, ...servers } = this.#options;
    signal.throwIfAborted();
    const house = (this.#house ??= { kafka: await createKafka(servers, 'sluice-reader', logger, FEW), prefix: topicPrefix, clock, logger });
    for (const [partition, { low, high }] of await endsOf(house, SEGMENT_TOPIC.name)) {
      const known = this.#partitions.get(partition);
      if (known) extend(known, low, high);
      else this.#partitions.set(partition, { low, high, nextOffset: low, oldestMs: undefined, epochs: new Map() });
    }
    if (!this.#isRead) await this.#read(house, onEntries);
  }

  /**
   * Since when the log has every record, in milliseconds: what is older was cut off, or was on another cluster. Undefined where
   * nothing was ever written; Infinity where all of it was cut off.
   */
  get wholeSinceMs(): number | undefined {
    const begun = [...this.#partitions.values()].flatMap(({ low, oldestMs }) => (oldestMs === undefined ? [] : [{ isCut: low > 0n, oldestMs }]));
    if (begun.length === 0) return [...this.#partitions.values()].some(({ low }) => low > 0n) ? Infinity : undefined;
    // Where nothing was cut off, a record that comes late only comes late.
    return Math.max(Math.min(...begun.map(({ oldestMs }) => oldestMs)), ...begun.filter(({ isCut }) => isCut).map(({ oldestMs }) => oldestMs));
  }

  get #isRead(): boolean {
    return [...this.#partitions.values()].every(({ nextOffset, high }) => nextOffset >= high);
  }

  async #read(house: KafkaHouse, onEntries: (entries: readonly SegmentEntry[]) => void): Promise<void> {
    const { ids, signal } = this.#options;
    const topic = house.prefix + SEGMENT_TOPIC.name;
    const done = Promise.withResolvers<void>();
    const watch = (): Timer => house.clock.after(SILENCE_LIMIT_MS, () => done.reject(new ServiceError('audit_log_unavailable', 'The event log does not answer.')));
    let silence = watch();
    const reader: GroupReader = new GroupReader(house, {
      name: 'segments, once', groupId: `${house.prefix}${ids.next(OWN_GROUPS.read)}`, topics: [{ topic, fromBeginning: true }],
      onAssigned: (assigned) => assigned[topic]?.forEach((partition) => reader.seek(topic, partition, this.#partitions.get(partition)?.nextOffset ?? 0n)),
      onBatch: async ({ batch, resolveOffset }) => {
        silence.cancel();
        silence = watch();
        const partition = this.#partitions.get(batch.partition);
        if (partition) take(partition, batch, onEntries);
        resolveOffset(batch.lastOffset());
        if (this.#isRead) done.resolve();
      },
      onRefused: done.reject,
    });
    const onAbort = (): void => done.reject(signal.reason as Error);
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      signal.throwIfAborted();
      await done.promise;
    } finally {
      silence.cancel();
      signal.removeEventListener('abort', onAbort);
      await reader.stop();
      silence.cancel();
    }
  }
}

/** To the end that the log has now; what was cut off before it was read is missing as what was never there. */
function extend(partition: Partition, low: bigint, high: bigint): void {
  partition.high = high;
  if (low > partition.nextOffset) Object.assign(partition, { low, nextOffset: low, oldestMs: undefined });
}

/** Hands the entries of a batch over, none twice. Only what was taken is behind this reading: a batch that failed is read again. */
function take(partition: Partition, batch: EachBatchPayload['batch'], onEntries: (entries: readonly SegmentEntry[]) => void): void {
  const messages = batch.messages.filter(({ offset }) => BigInt(offset) >= partition.nextOffset && BigInt(offset) < partition.high);
  const records = messages.flatMap((message) => readSegmentRecord(message) ?? []);
  const { entries, changed } = streamBatch(records, [...partition.epochs.values()], partition.low === 0n);
  onEntries(entries);
  partition.oldestMs ??= messages[0] && Number(messages[0].timestamp);
  for (const state of changed) partition.epochs.set(`${state.epoch} ${state.producer}`, state);
  // What lies behind the end that was asked for is read the next time.
  const next = BigInt(batch.lastOffset()) + 1n < partition.high ? BigInt(batch.lastOffset()) + 1n : partition.high;
  if (next > partition.nextOffset) partition.nextOffset = next;
}
