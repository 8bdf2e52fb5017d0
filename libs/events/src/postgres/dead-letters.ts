import type { DescMessage } from '@bufbuild/protobuf';
import { ServiceError } from '@sluice/errors';
import type { Sql, SqlTransaction } from '@sluice/sql';
import type { DeadLetter } from '../event-log.ts';
import { topicOf } from '../topic.ts';
import { schemaOf } from './consumer-schema.ts';
import { CHANNEL, NOW_MS, PUBLISHED_PREFIX } from './notice.ts';
import type { RecordRow } from './topic-reader.ts';

const LIST_LIMIT = 1_000;

interface Failure {
  readonly consumer: string;
  readonly topic: string;
  /** The cursor that stands in front of the record. */
  readonly cursor: bigint;
  readonly attempts: number;
  readonly code: string;
}

/** A record that was read again may be a letter already. */
export const AGAIN = 'ON CONFLICT (consumer, topic, position) DO UPDATE SET error_code = excluded.error_code, attempts = excluded.attempts, failed_at_ms = excluded.failed_at_ms, replay = false';

/** Moves the record behind the cursor away and the cursor past it, in one statement. */
export async function moveToDeadLetters(sql: Sql, { consumer, topic, cursor, attempts, code }: Failure): Promise<void> {
  await sql.query(
    `WITH moved AS (
       UPDATE events.topic_cursor SET position = position + 1, attempts = 0 WHERE consumer = $1 AND topic = $2 AND position = $3 RETURNING position
     )
     INSERT INTO events.dead_letter (consumer, topic, position, key, payload, error_code, attempts, failed_at_ms)
     SELECT $1, $2, r.position, r.key, r.payload, $5, $4, ${NOW_MS} FROM events.record r JOIN moved USING (position) WHERE r.topic = $2
     ${AGAIN}`,
    [consumer, topic, cursor, attempts, code],
  );
}

/** Handles the letters that are marked for it, each in its own transaction; one that fails again loses its mark. */
export async function handleReplays(sql: Sql, consumer: string, topic: string, handle: (transaction: SqlTransaction, row: RecordRow) => Promise<void>): Promise<void> {
  for (let handled = 0; handled < LIST_LIMIT; handled++) {
    let current: bigint | undefined;
    try {
      await sql.transaction(async (transaction) => {
        const [row] = await transaction.query<RecordRow>(
          `DELETE FROM events.dead_letter WHERE (consumer, topic, position) IN (
             SELECT consumer, topic, position FROM events.dead_letter WHERE consumer = $1 AND topic = $2 AND replay ORDER BY position LIMIT 1 FOR UPDATE SKIP LOCKED
           ) RETURNING position, key, payload, set_config('search_path', $3, true)`,
          [consumer, topic, schemaOf(consumer)],
        );
        current = row?.position;
        if (row) await handle(transaction, row);
      });
    } catch (thrown) {
      if (current === undefined) throw thrown;
      const text = `UPDATE events.dead_letter SET replay = false, attempts = attempts + 1, error_code = $4, failed_at_ms = ${NOW_MS} WHERE consumer = $1 AND topic = $2 AND position = $3`;
      await sql.query(text, [consumer, topic, current, ServiceError.from(thrown).code]);
    }
    if (current === undefined) return;
  }
}

export async function listDeadLetters(sql: Sql, schema: DescMessage, consumer: string): Promise<DeadLetter[]> {
  return sql.query<DeadLetter>(
    `SELECT position, key, error_code AS code, attempts, failed_at_ms::float8 AS "failedAtMs" FROM events.dead_letter
     WHERE consumer = $1 AND topic = $2 ORDER BY position LIMIT ${LIST_LIMIT}`,
    [consumer, topicOf(schema).name],
  );
}

export async function replayDeadLetters(sql: Sql, schema: DescMessage, consumer: string): Promise<number> {
  const { name } = topicOf(schema);
  const [row] = await sql.query<{ marked: number }>(
    `WITH marked AS (UPDATE events.dead_letter SET replay = true WHERE consumer = $1 AND topic = $2 RETURNING 1)
     SELECT (SELECT count(*)::int FROM marked) AS marked, pg_notify('${CHANNEL}', '${PUBLISHED_PREFIX}' || $2)`,
    [consumer, name],
  );
  return row?.marked ?? 0;
}
