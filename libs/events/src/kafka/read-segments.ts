import type { Clock, Ids } from '@sluice/clock';
import type { Logger } from '@sluice/telemetry';
import type { EachBatchPayload } from 'kafkajs';
import type { SegmentEntry } from '../event-log.ts';
import { endsOf, type Ends } from './cursors.ts';
import { SEGMENT_TOPIC } from './declared-topics.ts';
import { GroupReader, type KafkaHouse } from './group-reader.ts';
import { createKafka } from './kafka-client.ts';
import { streamBatch, type EpochState } from './producer-stream.ts';
import { readSegmentRecord } from './segment-record.ts';

export interface ReadSegmentsOptions {
  /** `host:port` of brokers to begin with. */
  readonly brokers: readonly string[];
  readonly clock: Clock;
  readonly ids: Ids;
  readonly logger: Logger;
  /** In front of every name of a topic; nothing when not given. */
  readonly topicPrefix?: string;
  readonly signal: AbortSignal;
}

/** What of a partition was read. */
interface Partition extends Ends {
  nextOffset: bigint;
  readonly epochs: Map<string, EpochState>;
}

/**
 * Reads the log of segments from its oldest record to the end that it has now, as every consumer understands it: what is
 * repeated once, what stands behind the end of its epoch as `late`. Commits nothing and disturbs no consumer.
 * Errors: `audit_log_unavailable` when no broker answers; the reason of the signal.
 */
export async function readSegments({ brokers, clock, ids, logger, topicPrefix = '', signal }: ReadSegmentsOptions, onEntries: (entries: readonly SegmentEntry[]) => void): Promise<void> {
  const house: KafkaHouse = { kafka: createKafka({ brokers, clientId: 'sluice-reader' }, logger), prefix: topicPrefix, clock, logger };
  const ends = await endsOf(house, SEGMENT_TOPIC.name);
  const partitions = new Map<number, Partition>([...ends].map(([partition, { low, high }]) => [partition, { low, high, nextOffset: low, epochs: new Map() }]));
  const isRead = (): boolean => [...partitions.values()].every(({ nextOffset, high }) => nextOffset >= high);
  if (isRead()) return;
  const topic = topicPrefix + SEGMENT_TOPIC.name;
  const done = Promise.withResolvers<void>();
  const reader: GroupReader = new GroupReader(house, {
    name: 'segments, once', groupId: `${topicPrefix}${ids.next('read')}`, topics: [{ topic, fromBeginning: true }],
    onAssigned: (assigned) => assigned[topic]?.forEach((partition) => reader.seek(topic, partition, partitions.get(partition)?.nextOffset ?? 0n)),
    async onBatch({ batch, resolveOffset }) {
      const partition = partitions.get(batch.partition);
      if (partition) onEntries(take(partition, batch));
      resolveOffset(batch.lastOffset());
      if (isRead()) done.resolve();
    },
  });
  const onAbort = (): void => done.reject(signal.reason as Error);
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    signal.throwIfAborted();
    await done.promise;
  } finally {
    signal.removeEventListener('abort', onAbort);
    await reader.stop();
  }
}

/** The entries of a batch, none twice, and where to go on. */
function take(partition: Partition, batch: EachBatchPayload['batch']): readonly SegmentEntry[] {
  const messages = batch.messages.filter(({ offset }) => BigInt(offset) >= partition.nextOffset && BigInt(offset) < partition.high);
  const records = messages.flatMap((message) => readSegmentRecord(message) ?? []);
  const { entries, changed } = streamBatch(records, [...partition.epochs.values()], partition.low === 0n);
  for (const state of changed) partition.epochs.set(`${state.epoch} ${state.producer}`, state);
  const next = BigInt(batch.lastOffset()) + 1n;
  if (next > partition.nextOffset) partition.nextOffset = next;
  return entries;
}
