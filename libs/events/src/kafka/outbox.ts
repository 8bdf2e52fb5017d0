import type { SqlTransaction } from '@sluice/sql';
import { CHANNEL, NOW_MS, PUBLISHED_PREFIX } from '../postgres/notice.ts';
import { PUBLISHED_TOPICS } from './declared-topics.ts';

export interface OutboxRecord {
  readonly topic: string;
  readonly key: string;
  readonly payload: Uint8Array;
  /** Instead of those that its topic gives it. */
  readonly headers: Readonly<Record<string, string>>;
}

const PUT = `WITH head AS (
    INSERT INTO events.topic (name, head, retention_days) VALUES ($1, 1, $5)
    ON CONFLICT (name) DO UPDATE SET head = topic.head + 1 RETURNING head
  ), stored AS (
    INSERT INTO events.record (topic, position, key, payload, published_at_ms, headers) SELECT $1, head, $2, $3, ${NOW_MS}, $4 FROM head
  )
  SELECT pg_notify('${CHANNEL}', '${PUBLISHED_PREFIX}' || $1) FROM head`;

/** Publishes a record that has headers of its own, with the transaction. */
export async function putIntoOutbox(transaction: SqlTransaction, { topic, key, payload, headers }: OutboxRecord): Promise<void> {
  const { retentionDays } = PUBLISHED_TOPICS.find(({ name }) => name === topic)!;
  await transaction.query(PUT, [topic, key, payload, JSON.stringify(headers), retentionDays]);
}
