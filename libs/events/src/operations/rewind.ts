import type { DescMessage } from '@bufbuild/protobuf';
import { ServiceError } from '@sluice/errors';
import type { Sql, SqlTransaction } from '@sluice/sql';
import { CHANNEL, NOW_MS, REWOUND_PREFIX } from '../postgres/notice.ts';
import { topicOf } from '../topic.ts';

const DAY_MS = 86_400_000;
/** What is about to be past its retention may be cut off while a consumer is put back to it. */
const RETENTION_MARGIN_MS = 600_000;

export interface Rewound {
  /** Of the last record that the consumer does not get again. */
  readonly position: bigint;
  /** Of the last record of the topic. */
  readonly head: bigint;
  /** Dead letters of these records: they went, because their records come again. */
  readonly letters: number;
}

interface Place {
  readonly position: bigint;
  readonly nextOffset: bigint;
}

/**
 * Puts a consumer back to the first record that was published at this moment or later, or leaves it where it is when it has not
 * come so far. It handles these records once more, whether it runs now or later: its effects must bear that. On Kafka a
 * few older ones come too, those that were sent in the same batch; and whoever works for the consumer now is fenced off.
 *
 * Fails with `failed_precondition` when the log may have been cut since, with `not_found` for a consumer that has no place in the topic.
 */
export async function rewind(sql: Sql, schema: DescMessage, consumer: string, sinceMs: number): Promise<Rewound> {
  const { name: topic, retentionDays } = topicOf(schema);
  return sql.transaction(async (transaction) => {
    const [log] = await transaction.query<{ nowMs: bigint; onKafka: boolean; head: bigint }>(
      `SELECT ${NOW_MS} AS "nowMs", EXISTS (SELECT 1 FROM events.relay WHERE topic = $1) AS "onKafka", coalesce((SELECT head FROM events.topic WHERE name = $1), 0) AS head`,
      [topic],
    );
    const earliestMs = Number(log!.nowMs) - retentionDays * DAY_MS + RETENTION_MARGIN_MS;
    if (sinceMs < earliestMs) {
      throw new ServiceError('failed_precondition', `The log keeps ${topic} for ${retentionDays} days: what is older may be gone. The earliest moment to begin at is ${new Date(earliestMs).toISOString()}.`);
    }
    const position = log!.onKafka ? await rewindOnKafka(transaction, topic, consumer, sinceMs) : await rewindInPostgres(transaction, topic, consumer, sinceMs);
    if (position === undefined) throw new ServiceError('not_found', `${consumer} has read nothing of ${topic}: there is no such consumer.`);
    const letters = await transaction.query('DELETE FROM events.dead_letter WHERE consumer = $1 AND topic = $2 AND position > $3 RETURNING 1', [consumer, topic, position]);
    await transaction.query(`SELECT pg_notify('${CHANNEL}', '${REWOUND_PREFIX}' || $1)`, [topic]);
    return { position, head: log!.head, letters: letters.length };
  });
}

/** Position of the last record that the consumer has handled, 0 for none; undefined without such a consumer. */
export async function positionOf(sql: Sql, schema: DescMessage, consumer: string): Promise<bigint | undefined> {
  const [row] = await sql.query<{ position: bigint }>(
    `SELECT coalesce(position, 0) AS position FROM events.kafka_cursor WHERE consumer = $1 AND topic = $2 AND part = 0 AND EXISTS (SELECT 1 FROM events.relay WHERE topic = $2)
     UNION ALL SELECT position FROM events.topic_cursor WHERE consumer = $1 AND topic = $2 AND NOT EXISTS (SELECT 1 FROM events.relay WHERE topic = $2)`,
    [consumer, topicOf(schema).name],
  );
  return row?.position;
}

/** The cursor's row is locked by whoever handles a batch, so this stands between two batches. */
async function rewindInPostgres(transaction: SqlTransaction, topic: string, consumer: string, sinceMs: number): Promise<bigint | undefined> {
  const [row] = await transaction.query<{ position: bigint }>(
    `UPDATE events.topic_cursor SET attempts = 0, position = least(position, (
         SELECT coalesce(min(r.position) - 1, topic_cursor.position) FROM events.record r WHERE r.topic = $2 AND r.published_at_ms >= $3
       )) WHERE consumer = $1 AND topic = $2 RETURNING position`,
    [consumer, topic, sinceMs],
  );
  return row?.position;
}

/** Everything in front of a mark was sent, and so published, before the mark was made. */
async function rewindOnKafka(transaction: SqlTransaction, topic: string, consumer: string, sinceMs: number): Promise<bigint | undefined> {
  const [mark] = await transaction.query<Place>('SELECT position, next_offset AS "nextOffset" FROM events.relay_mark WHERE topic = $1 AND sent_at_ms < $2 ORDER BY position DESC LIMIT 1', [topic, sinceMs]);
  const { position, nextOffset } = mark ?? { position: 0n, nextOffset: 0n };
  const [row] = await transaction.query<{ position: bigint }>(
    `UPDATE events.kafka_cursor SET attempts = 0, owner = owner + 1,
         next_offset = CASE WHEN position > $3 THEN $4 ELSE next_offset END, position = CASE WHEN position > $3 THEN $3 ELSE position END
       WHERE consumer = $1 AND topic = $2 AND part = 0 RETURNING coalesce(position, 0) AS position`,
    [consumer, topic, position, nextOffset],
  );
  return row?.position;
}
