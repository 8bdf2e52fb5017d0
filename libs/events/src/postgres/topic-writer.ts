import { toBinary, type DescMessage, type MessageShape } from '@bufbuild/protobuf';
import { ServiceError } from '@sluice/errors';
import type { Sql, SqlTransaction } from '@sluice/sql';
import { currentTraceparent } from '../record-trace.ts';
import { topicOf } from '../topic.ts';
import { toLogError } from './log-error.ts';
import { BEAT_PREFIX, CHANNEL, NOW_MS, PUBLISHED_PREFIX } from './notice.ts';

/** What Kafka takes at once, less what stands around the payload there: key, headers and those of a dead letter. The same everywhere, so that nothing works in one process only. */
export const MAX_RECORD_BYTES = 8 * 1024 * 1024 - 64 * 1024;

const PUBLISH = {
  name: 'events_publish',
  text: `WITH head AS (
      INSERT INTO events.topic (name, head, retention_days) VALUES ($1, 1, $4)
      ON CONFLICT (name) DO UPDATE SET head = topic.head + 1, retention_days = excluded.retention_days
      RETURNING head
    ), stored AS (
      INSERT INTO events.record (topic, position, key, payload, published_at_ms, traceparent) SELECT $1, head, $2, $3, ${NOW_MS}, $5 FROM head
    )
    SELECT head, pg_current_xact_id()::text AS xid, pg_notify('${CHANNEL}', '${PUBLISHED_PREFIX}' || $1) FROM head`,
} as const;

/** Where a record lies, once its transaction has committed. */
export interface Published {
  readonly topic: string;
  readonly position: bigint;
  /** Of its transaction (`pg_current_xact_id`). */
  readonly xid: bigint;
}

/** A beat that is lost in a crash is no loss, so its commit does not wait for the disk. */
const BEAT = {
  name: 'events_beat',
  text: `SELECT set_config('synchronous_commit', 'off', true),
    pg_notify('${CHANNEL}', '${BEAT_PREFIX}' || $1 || ' ' || coalesce((SELECT head FROM events.topic WHERE name = $1), 0))`,
} as const;

/**
 * Fails with `internal` for a message of more than MAX_RECORD_BYTES, key included: everything behind it would wait for ever.
 * The topic's row stays locked until the caller's transaction ends: publish last, and several topics always in the
 * same order, or two transactions may wait for each other (SqlError `conflict`).
 */
export async function publish<M extends DescMessage>(transaction: SqlTransaction, schema: M, key: string, message: MessageShape<M>): Promise<Published> {
  const { name, retentionDays } = topicOf(schema);
  const payload = toBinary(schema, message);
  const bytes = payload.length + Buffer.byteLength(key);
  if (bytes > MAX_RECORD_BYTES) throw new ServiceError('internal', `A record of ${name} holds at most ${MAX_RECORD_BYTES} bytes, and this one has ${bytes}.`);
  const [row] = await transaction.query<{ head: bigint; xid: string }>(PUBLISH, [name, key, payload, retentionDays, currentTraceparent()]);
  return { topic: name, position: row!.head, xid: BigInt(row!.xid) };
}

export async function position(transaction: SqlTransaction, schema: DescMessage): Promise<bigint> {
  const [row] = await transaction.query<{ head: bigint }>('SELECT head FROM events.topic WHERE name = $1', [topicOf(schema).name]);
  return row?.head ?? 0n;
}

export async function beat(sql: Sql, schema: DescMessage): Promise<void> {
  await sql.query(BEAT, [topicOf(schema).name]).catch((thrown: unknown) => Promise.reject(toLogError(thrown)));
}
