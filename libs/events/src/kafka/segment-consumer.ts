import { metrics } from '@opentelemetry/api';
import type { KafkaMessage } from 'kafkajs';
import type { Sql, SqlTransaction } from '@sluice/sql';
import type { SegmentHandler } from '../event-log.ts';
import { schemaOf } from '../postgres/consumer-schema.ts';
import { MAX_BATCH_BYTES } from '../postgres/segment-reader.ts';
import type { Claim } from './cursors.ts';
import { SEGMENT_TOPIC } from './declared-topics.ts';
import { readKnownEpochs, writeEpochs } from './epochs-sql.ts';
import type { KafkaHouse } from './group-reader.ts';
import type { PartitionWork, Pulse } from './partition-reader.ts';
import { streamBatch, type StreamedBatch } from './producer-stream.ts';
import { readSegmentRecord, type SegmentRecord } from './segment-record.ts';
import { lockCursor, moveCursor } from './topic-consumer.ts';

const MAX_BATCH_ENTRIES = 1_000;

/** Hands the segments of a partition over for one consumer: a batch, its effects and the cursors in one transaction. */
export class SegmentConsumer implements PartitionWork<Claim> {
  readonly #house: KafkaHouse;
  readonly #sql: Sql;
  readonly #consumer: string;
  readonly #handle: SegmentHandler;

  constructor(house: KafkaHouse, sql: Sql, consumer: string, handle: SegmentHandler) {
    this.#house = house;
    this.#sql = sql;
    this.#consumer = consumer;
    this.#handle = handle;
    schemaOf(consumer);
  }

  begin(held: Claim): Claim {
    return held;
  }

  handledUpTo(_held: Claim, readUpTo: bigint): bigint {
    return readUpTo;
  }

  async take(held: Claim, messages: readonly KafkaMessage[], pulse: Pulse): Promise<void> {
    for (let from = 0; from < messages.length && pulse.isRunning;) {
      const to = endOfBatch(messages, from);
      const gaps = await this.#sql.transaction((transaction) => this.#batch(transaction, held, messages.slice(from, to)));
      this.#tellOf(gaps);
      from = to;
      await pulse.beat();
    }
  }

  async #batch(transaction: SqlTransaction, held: Claim, messages: readonly KafkaMessage[]): Promise<StreamedBatch['gaps']> {
    await lockCursor(transaction, this.#consumer, SEGMENT_TOPIC.name, held);
    const records = messages.flatMap((message) => this.#read(message));
    const known = await readKnownEpochs(transaction, this.#consumer, records);
    const { entries, changed, gaps } = streamBatch(records, known, held.firstOffset === 0n);
    if (entries.length > 0) await this.#handle(transaction, entries);
    await writeEpochs(transaction, this.#consumer, changed, this.#house.clock.wallMs());
    await moveCursor(transaction, this.#consumer, SEGMENT_TOPIC.name, held, { position: null, nextOffset: BigInt(messages.at(-1)!.offset) + 1n });
    return gaps;
  }

  /** Once what was read is committed, so that none is told twice. */
  #tellOf(gaps: StreamedBatch['gaps']): void {
    for (const gap of gaps) {
      this.#house.logger.error({ reader: this.#consumer, ...gap }, 'segments that were acknowledged are not in the log');
      // Made here: a counter that is made before telemetry starts counts nothing, for ever.
      metrics.getMeter('sluice.events').createCounter('sluice.events.missing_segments', { unit: '{segment}', description: 'Segments that Kafka acknowledged and that are not in the log' })
        .add(Number(gap.found - gap.expected), { consumer: this.#consumer });
    }
  }

  #read(message: KafkaMessage): SegmentRecord[] {
    const record = readSegmentRecord(message);
    if (!record) this.#house.logger.error({ reader: this.#consumer, offset: message.offset }, 'a record that Sluice did not write is passed over');
    return record ? [record] : [];
  }
}

/** So many that they fit in a batch, and one at least. */
function endOfBatch(messages: readonly KafkaMessage[], from: number): number {
  let bytes = 0;
  let to = from;
  while (to < messages.length && to - from < MAX_BATCH_ENTRIES) {
    bytes += messages[to]!.value?.length ?? 0;
    if (bytes > MAX_BATCH_BYTES && to > from) break;
    to++;
  }
  return to;
}
