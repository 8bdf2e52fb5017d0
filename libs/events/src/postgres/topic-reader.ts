import { fromBinary, type DescMessage } from '@bufbuild/protobuf';
import { ServiceError } from '@sluice/errors';
import { SqlError, type Sql, type SqlTransaction } from '@sluice/sql';
import type { Logger } from '@sluice/telemetry';
import type { RecordHandler, SubscribeOptions } from '../event-log.ts';
import type { PassResult, Reader } from '../read-loop.ts';
import { inRecordSpan } from '../record-trace.ts';
import { topicOf } from '../topic.ts';
import { schemaOf } from './consumer-schema.ts';
import { handleReplays, moveToDeadLetters } from './dead-letters.ts';

/** Failures of one record before it is moved away; with the back-off about ten seconds. */
export const MAX_ATTEMPTS = 8;
const BATCH_RECORDS = 100;
/** Every look counts the letters; more than this is not another state. */
const LETTERS_COUNTED = 1_000;

export interface RecordRow {
  readonly position: bigint;
  readonly key: string;
  readonly payload: Buffer;
  /** Absent for a dead letter: its trace is long over. */
  readonly traceparent?: string | null;
}

/** What a failure of the database, not of the record, looks like: it is waited out and not counted. */
export function isOutage(thrown: unknown): boolean {
  return thrown instanceof SqlError && thrown.kind !== 'refused' && thrown.kind !== 'unique_violation';
}

interface Behind {
  readonly head: bigint;
  readonly cursor: bigint;
  readonly replays: boolean;
  readonly letters: number;
}

/** Reads one topic for one consumer: a batch, its effects and the cursor in one transaction. */
export class TopicReader<M extends DescMessage> implements Reader<bigint> {
  readonly name: string;
  readonly topic: string;
  readonly consumer: string;
  readonly #sql: Sql;
  readonly #logger: Logger;
  readonly #schema: M;
  readonly #handle: RecordHandler<M>;
  readonly #neverSkips: boolean;
  #lag = 0;
  #letters = 0;
  #held = false;
  #registered = false;
  /** After a failure so many records are handled one by one, so that the faulty one is alone in its transaction. */
  #oneByOne = 0;

  constructor({ sql, logger }: { readonly sql: Sql; readonly logger: Logger }, schema: M, consumer: string, handle: RecordHandler<M>, { neverSkips = false }: SubscribeOptions = {}) {
    this.#sql = sql;
    this.#logger = logger;
    this.#schema = schema;
    this.consumer = consumer;
    this.#handle = handle;
    this.#neverSkips = neverSkips;
    this.topic = topicOf(schema).name;
    this.name = `${consumer} < ${this.topic}`;
    schemaOf(consumer);
  }

  lag(): number {
    return this.#lag;
  }

  /** Records that this consumer could not handle and that were moved away, as last seen; at most LETTERS_COUNTED. */
  get letters(): number {
    return this.#letters;
  }

  /** A record fails again and again, and what is behind it waits. */
  get isHeld(): boolean {
    return this.#held;
  }

  async target(): Promise<bigint> {
    const [row] = await this.#sql.query<{ head: bigint }>('SELECT head FROM events.topic WHERE name = $1', [this.topic]);
    return row?.head ?? 0n;
  }

  async reached(target: bigint): Promise<boolean> {
    return (await this.#behind()).cursor >= target;
  }

  async pass(): Promise<PassResult> {
    if (!this.#registered) await this.#register();
    const { head, cursor, replays, letters } = await this.#behind();
    this.#lag = Number(head - cursor);
    this.#letters = letters;
    if (replays) await handleReplays(this.#sql, this.consumer, this.topic, (transaction, row) => this.#one(transaction, row));
    if (head <= cursor) return 'none';
    const limit = this.#oneByOne > 0 ? 1 : BATCH_RECORDS;
    try {
      const handled = await this.#sql.transaction((transaction) => this.#batch(transaction, limit));
      // What was published since the look is in the batch too.
      this.#lag = Math.max(0, this.#lag - handled);
      if (handled > 0) this.#held = false;
      if (this.#oneByOne > 0) this.#oneByOne--;
      if (handled === 0) return 'none';
      return this.#lag > 0 ? 'full' : 'some';
    } catch (thrown) {
      if (isOutage(thrown)) throw thrown;
      if (limit === 1) {
        await this.#failed(cursor, thrown);
      } else {
        this.#oneByOne = BATCH_RECORDS;
      }
      return 'full';
    }
  }

  async #register(): Promise<void> {
    // A new consumer begins with the oldest record that is still there.
    await this.#sql.query(
      `INSERT INTO events.topic_cursor (consumer, topic, position)
       SELECT $1, $2, coalesce((SELECT min(position) - 1 FROM events.record WHERE topic = $2), (SELECT head FROM events.topic WHERE name = $2), 0)
       ON CONFLICT DO NOTHING`,
      [this.consumer, this.topic],
    );
    this.#registered = true;
  }

  async #behind(): Promise<Behind> {
    const [row] = await this.#sql.query<Behind>(
      { name: 'events_topic_behind', text: `SELECT coalesce(t.head, 0) AS head, c.position AS cursor,
          EXISTS (SELECT 1 FROM events.dead_letter d WHERE d.consumer = $1 AND d.topic = $2 AND d.replay) AS replays,
          (SELECT count(*)::int FROM (SELECT 1 FROM events.dead_letter d WHERE d.consumer = $1 AND d.topic = $2 LIMIT ${LETTERS_COUNTED}) counted) AS letters
        FROM events.topic_cursor c LEFT JOIN events.topic t ON t.name = c.topic WHERE c.consumer = $1 AND c.topic = $2` },
      [this.consumer, this.topic],
    );
    return row ?? { head: 0n, cursor: 0n, replays: false, letters: 0 };
  }

  async #batch(transaction: SqlTransaction, limit: number): Promise<number> {
    // Another process that works for the same consumer holds the row: it is doing this very work.
    const [cursor] = await transaction.query<{ position: bigint }>(
      `SELECT position, set_config('search_path', $3, true) FROM events.topic_cursor WHERE consumer = $1 AND topic = $2 FOR UPDATE SKIP LOCKED`,
      [this.consumer, this.topic, schemaOf(this.consumer)],
    );
    if (!cursor) return 0;
    const rows = await transaction.query<RecordRow>('SELECT position, key, payload, traceparent FROM events.record WHERE topic = $1 AND position > $2 ORDER BY position LIMIT $3', [this.topic, cursor.position, limit]);
    let last = cursor.position;
    for (const row of rows) {
      if (row.position !== last + 1n) throw new ServiceError('internal', `The topic ${this.topic} has a gap behind ${last}.`);
      await this.#one(transaction, row);
      last = row.position;
    }
    await transaction.query('UPDATE events.topic_cursor SET position = $3, attempts = 0 WHERE consumer = $1 AND topic = $2', [this.consumer, this.topic, last]);
    return rows.length;
  }

  #one(transaction: SqlTransaction, { position, key, payload, traceparent }: RecordRow): Promise<void> {
    const handle = (): Promise<void> => this.#handle(transaction, { position, key, message: fromBinary(this.#schema, payload) });
    return traceparent ? inRecordSpan({ topic: this.topic, consumer: this.consumer, traceparent }, handle) : handle();
  }

  /** Counts the failure in the cursor's row, so that a record which kills the process is counted out as well. */
  async #failed(cursor: bigint, thrown: unknown): Promise<void> {
    const [row] = await this.#sql.query<{ attempts: number }>(
      'UPDATE events.topic_cursor SET attempts = attempts + 1 WHERE consumer = $1 AND topic = $2 AND position = $3 RETURNING attempts',
      [this.consumer, this.topic, cursor],
    );
    if (!row) return;
    const { code } = ServiceError.from(thrown);
    const fields = { reader: this.name, position: cursor + 1n, attempts: row.attempts, code };
    if (row.attempts === MAX_ATTEMPTS) {
      this.#logger.error(fields, this.#neverSkips ? 'a record cannot be handled; everything behind it waits' : 'a record cannot be handled; it was moved to the dead letters');
    }
    this.#held = this.#neverSkips && row.attempts >= MAX_ATTEMPTS;
    if (this.#neverSkips || row.attempts < MAX_ATTEMPTS) throw thrown;
    await moveToDeadLetters(this.#sql, { consumer: this.consumer, topic: this.topic, cursor, attempts: row.attempts, code });
  }
}
