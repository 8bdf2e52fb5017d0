import type { KafkaMessage } from 'kafkajs';
import { fromBinary, type DescMessage } from '@bufbuild/protobuf';
import { ServiceError } from '@sluice/errors';
import type { Sql, SqlTransaction } from '@sluice/sql';
import type { RecordHandler, SubscribeOptions } from '../event-log.ts';
import { schemaOf } from '../postgres/consumer-schema.ts';
import type { WatchedReader } from '../postgres/letter-watch.ts';
import { isOutage, MAX_ATTEMPTS, type RecordRow } from '../postgres/topic-reader.ts';
import { inRecordSpan } from '../record-trace.ts';
import { topicOf } from '../topic.ts';
import { numberHeader, textHeader } from './cloud-event.ts';
import { FencedError, type Claim } from './cursors.ts';
import { bury } from './dead-letter-topic.ts';
import type { KafkaHouse } from './group-reader.ts';
import type { PartitionWork, Pulse } from './partition-reader.ts';
import { MAX_HELD_RECORDS, RecordOrder, type ReadRecord } from './record-order.ts';

const BATCH_RECORDS = 100;
/** What comes out of its order is there by then. */
const GAP_AFTER_MS = 5_000;

interface State {
  readonly held: Claim;
  /** Undefined until the first record says where a topic begins whose beginning was removed. */
  order: RecordOrder | undefined;
}

/** Handles the records of one topic for one consumer: a batch, its effects and the cursor in one transaction. */
export class TopicConsumer<M extends DescMessage> implements PartitionWork<State>, WatchedReader {
  readonly topic: string;
  readonly consumer: string;
  readonly #sql: Sql;
  readonly #house: KafkaHouse;
  readonly #schema: M;
  readonly #handle: RecordHandler<M>;
  readonly #neverSkips: boolean;
  /** After a failure so many records are handled one by one, so that the faulty one is alone in its transaction. */
  #oneByOne = 0;
  #isHeld = false;
  /** Behind which position something is missing, and since when. */
  #gap: { readonly position: bigint; readonly sinceMs: number; waiting: number } | undefined;
  letters = 0;

  constructor(house: KafkaHouse, sql: Sql, schema: M, consumer: string, handle: RecordHandler<M>, { neverSkips = false }: SubscribeOptions = {}) {
    this.#house = house;
    this.#sql = sql;
    this.#schema = schema;
    this.consumer = consumer;
    this.#handle = handle;
    this.#neverSkips = neverSkips;
    this.topic = topicOf(schema).name;
    schemaOf(consumer);
  }

  /** A record fails again and again, and what is behind it waits. */
  get isHeld(): boolean {
    return this.#isHeld;
  }

  /** A record is missing, and what is behind it waits. */
  get fault(): string | undefined {
    if (!this.#gap || this.#house.clock.monotonicMs() - this.#gap.sinceMs < GAP_AFTER_MS) return undefined;
    return `the record ${this.#gap.position + 1n} of ${this.topic} is not on Kafka, and ${this.#gap.waiting} behind it wait for it.`;
  }

  handledUpTo({ order }: State, readUpTo: bigint): bigint {
    return order && order.waiting > 0 ? order.nextOffset(order.position) : readUpTo;
  }

  begin(held: Claim): State {
    // Others may have handled it meanwhile; where it is missing still, that is seen again.
    this.#gap = undefined;
    return { held, order: held.position === null ? undefined : new RecordOrder(held.position, held.nextOffset) };
  }

  async take(state: State, messages: readonly KafkaMessage[], pulse: Pulse): Promise<void> {
    for (const message of messages) this.#read(state, message);
    const { order, held } = state;
    if (!order) return;
    while (pulse.isRunning) {
      const records = order.ready(this.#oneByOne > 0 ? 1 : BATCH_RECORDS);
      if (records.length === 0) break;
      await this.#transact(held, order, records);
      await pulse.beat();
    }
    this.#look(order);
    if (order.isFull) throw new ServiceError('internal', `The topic ${this.topic} has a gap behind ${order.position}: ${MAX_HELD_RECORDS} records wait for what is missing.`);
  }

  /** One record in the transaction of its effects. */
  one(transaction: SqlTransaction, { position, key, payload, traceparent }: Omit<RecordRow, 'traceparent'> & { readonly traceparent?: string | null | undefined }): Promise<void> {
    const handle = (): Promise<void> => this.#handle(transaction, { position, key, message: fromBinary(this.#schema, payload) });
    return traceparent ? inRecordSpan({ topic: this.topic, consumer: this.consumer, traceparent }, handle) : handle();
  }

  /** Whether something is missing now, behind all that was handled. */
  #look({ position, waiting }: RecordOrder): void {
    if (waiting === 0) this.#gap = undefined;
    else if (this.#gap?.position === position) this.#gap.waiting = waiting;
    else this.#gap = { position, sinceMs: this.#house.clock.monotonicMs(), waiting };
  }

  #read(state: State, { offset, key, value, headers }: KafkaMessage): void {
    const position = numberHeader(headers, 'ce_sequence');
    if (position === undefined) {
      this.#house.logger.error({ reader: `${this.consumer} < ${this.topic}`, offset }, 'a record that Sluice did not write is passed over');
      state.order?.skip(BigInt(offset));
      return;
    }
    state.order ??= new RecordOrder(position - 1n, state.held.nextOffset);
    state.order.read({ position, offset: BigInt(offset), key: key?.toString() ?? '', payload: value ?? Buffer.alloc(0), traceparent: textHeader(headers, 'traceparent') });
  }

  async #transact(held: Claim, order: RecordOrder, records: readonly ReadRecord[]): Promise<void> {
    const last = records.at(-1)!.position;
    try {
      await this.#sql.transaction(async (transaction) => {
        await lockCursor(transaction, this.consumer, this.topic, held);
        for (const record of records) await this.one(transaction, record);
        await moveCursor(transaction, this.consumer, this.topic, held, { position: last, nextOffset: order.nextOffset(last) });
      });
    } catch (thrown) {
      if (isOutage(thrown) || thrown instanceof FencedError) throw thrown;
      if (records.length > 1 || this.#oneByOne === 0) this.#oneByOne = BATCH_RECORDS;
      if (records.length > 1) return;
      return this.#failed(held, order, records[0]!, thrown);
    }
    order.handled(last);
    this.#isHeld = false;
    if (this.#oneByOne > 0) this.#oneByOne--;
  }

  /** Counts the failure in the cursor's row, so that a record which kills the process is counted out as well. */
  async #failed(held: Claim, order: RecordOrder, record: ReadRecord, thrown: unknown): Promise<void> {
    const [row] = await this.#sql.query<{ attempts: number }>(
      'UPDATE events.kafka_cursor SET attempts = attempts + 1 WHERE consumer = $1 AND topic = $2 AND part = $3 AND owner = $4 RETURNING attempts',
      [this.consumer, this.topic, held.partition, held.owner],
    );
    if (!row) throw new FencedError();
    const { attempts } = row;
    const { code } = ServiceError.from(thrown);
    if (attempts === MAX_ATTEMPTS) {
      const fields = { reader: `${this.consumer} < ${this.topic}`, position: record.position, attempts, code };
      this.#house.logger.error(fields, this.#neverSkips ? 'a record cannot be handled; everything behind it waits' : 'a record cannot be handled; it was moved to the dead letters');
    }
    this.#isHeld = this.#neverSkips && attempts >= MAX_ATTEMPTS;
    if (this.#neverSkips || attempts < MAX_ATTEMPTS) throw thrown;
    await this.#sql.transaction(async (transaction) => {
      await lockCursor(transaction, this.consumer, this.topic, held);
      await bury(transaction, { consumer: this.consumer, topic: this.topic, type: this.#schema.typeName, partition: held.partition, record, attempts, code });
      await moveCursor(transaction, this.consumer, this.topic, held, { position: record.position, nextOffset: order.nextOffset(record.position) });
    });
    order.handled(record.position);
  }
}

/** Fails when the partition was taken over since: what this reader does now counts no more. The handler finds the tables of its consumer. */
export async function lockCursor(transaction: SqlTransaction, consumer: string, topic: string, { partition, owner }: Claim): Promise<void> {
  const [cursor] = await transaction.query(
    `SELECT set_config('search_path', $5, true) FROM events.kafka_cursor WHERE consumer = $1 AND topic = $2 AND part = $3 AND owner = $4 FOR UPDATE`,
    [consumer, topic, partition, owner, schemaOf(consumer)],
  );
  if (!cursor) throw new FencedError();
}

export async function moveCursor(transaction: SqlTransaction, consumer: string, topic: string, { partition }: Claim, to: { readonly position: bigint | null; readonly nextOffset: bigint }): Promise<void> {
  await transaction.query(
    'UPDATE events.kafka_cursor SET position = $4, next_offset = $5, attempts = 0 WHERE consumer = $1 AND topic = $2 AND part = $3',
    [consumer, topic, partition, to.position, to.nextOffset],
  );
}
