import type { Message } from 'kafkajs';
import type { Sql, SqlTransaction } from '@sluice/sql';
import { NOW_MS } from '../postgres/notice.ts';
import type { PassResult, Reader } from '../read-loop.ts';
import type { AckedProducer } from './acked-producer.ts';
import { headersOf, topicSource } from './cloud-event.ts';
import type { DeclaredTopic } from './declared-topics.ts';

const BATCH_RECORDS = 500;
/** Half of what a broker takes at once, unless a single record is larger. */
const BATCH_BYTES = 4 * 1024 * 1024;

interface OutboxRow {
  readonly position: bigint;
  readonly key: string;
  readonly payload: Buffer;
  readonly published_at_ms: bigint;
  readonly traceparent: string | null;
  readonly headers: Readonly<Record<string, string>> | null;
}

/**
 * Takes what was published in a transaction to its topic on Kafka. The row of the topic is locked while a batch is sent, so
 * of all processes one sends, in the order of positions. A process that loses its database in the middle may have sent what
 * the next one sends again: readers see a position twice, and never a later one before its turn.
 */
export class Relay implements Reader<bigint> {
  readonly name: string;
  readonly #topic: DeclaredTopic;
  readonly #sql: Sql;
  readonly #producer: AckedProducer;
  readonly #prefix: string;
  #behind = 0;

  constructor(sql: Sql, producer: AckedProducer, prefix: string, topic: DeclaredTopic) {
    this.#sql = sql;
    this.#producer = producer;
    this.#prefix = prefix;
    this.#topic = topic;
    this.name = `relay > ${topic.name}`;
  }

  get topic(): string {
    return this.#topic.name;
  }

  lag(): number {
    return this.#behind;
  }

  async target(): Promise<bigint> {
    const [row] = await this.#sql.query<{ head: bigint }>('SELECT head FROM events.topic WHERE name = $1', [this.topic]);
    return row?.head ?? 0n;
  }

  async reached(target: bigint): Promise<boolean> {
    const rows = await this.#sql.query('SELECT 1 FROM events.relay WHERE topic = $1 AND position >= $2', [this.topic, target]);
    return rows.length > 0;
  }

  async pass(): Promise<PassResult> {
    const [row] = await this.#sql.query<{ waiting: number }>(WAITING, [this.topic]);
    this.#behind = row?.waiting ?? 0;
    if (this.#behind === 0) return 'none';
    const sent = await this.#sql.transaction((transaction) => this.#batch(transaction));
    if (sent === undefined) return 'elsewhere';
    this.#behind = Math.max(0, this.#behind - sent);
    return sent === 0 ? 'none' : 'full';
  }

  /** How many were sent; undefined when another process sends them. */
  async #batch(transaction: SqlTransaction): Promise<number | undefined> {
    // Another process holds the row: it is doing this very work, and looks again when it has done it.
    const [relayed] = await transaction.query<{ position: bigint }>('SELECT position FROM events.relay WHERE topic = $1 FOR UPDATE SKIP LOCKED', [this.topic]);
    if (!relayed) return undefined;
    const rows = await transaction.query<OutboxRow>(READ, [this.topic, relayed.position, BATCH_BYTES]);
    const last = rows.at(-1);
    if (!last) return 0;
    const { offset } = await this.#producer.send(this.#prefix + this.topic, rows.map((one) => this.#messageOf(one)));
    await transaction.query(SENT, [this.topic, last.position, offset + BigInt(rows.length)]);
    return rows.length;
  }

  #messageOf({ position, key, payload, published_at_ms, traceparent, headers }: OutboxRow): Message {
    const timeMs = Number(published_at_ms);
    const standard = headersOf({ id: position.toString(), source: topicSource(this.topic), type: this.#topic.type, timeMs, partitionKey: key, sequence: position, traceparent });
    return { key, value: payload, partition: 0, headers: { ...standard, ...headers } };
  }
}

/** Rows that the relays of these topics lock. */
export async function registerRelays(sql: Sql, topics: readonly DeclaredTopic[]): Promise<void> {
  await sql.query('INSERT INTO events.relay (topic, position) SELECT *, 0 FROM unnest($1::text[]) ON CONFLICT DO NOTHING', [topics.map(({ name }) => name)]);
}

const WAITING = {
  name: 'events_relay_waiting',
  text: `SELECT count(*)::int AS waiting FROM (SELECT 1 FROM events.record WHERE topic = $1 LIMIT ${BATCH_RECORDS * 2}) waiting`,
} as const;

const READ = {
  name: 'events_relay_read',
  text: `SELECT position, key, payload, published_at_ms, traceparent, headers FROM (
      SELECT *, sum(length(payload)) OVER (ORDER BY position) AS total FROM (
        SELECT * FROM events.record WHERE topic = $1 AND position > $2 ORDER BY position LIMIT ${BATCH_RECORDS}
      ) next
    ) counted WHERE total <= $3 OR total = length(payload) ORDER BY position`,
} as const;

/** Behind the batch the log may be cut. */
const SENT = {
  name: 'events_relay_sent',
  text: `WITH gone AS (DELETE FROM events.record WHERE topic = $1 AND position <= $2),
      marked AS (INSERT INTO events.relay_mark (topic, position, next_offset, sent_at_ms) VALUES ($1, $2, $3, ${NOW_MS}))
    UPDATE events.relay SET position = $2 WHERE topic = $1`,
} as const;
