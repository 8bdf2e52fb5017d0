import type { Clock } from '@sluice/clock';
import { ServiceError } from '@sluice/errors';
import type { Sql, SqlTransaction } from '@sluice/sql';
import type { OpenEpoch } from '../event-log.ts';
import { toLogError } from './log-error.ts';
import { CHANNEL, NOW_MS, SEGMENT_NOTICE } from './notice.ts';

/**
 * A producer waits for the time of a lease, 10 s, and then asks again. What comes too late must not happen any more: it
 * would close the epoch that the second question made.
 */
const TAKE_LIMIT_MS = 8_000;

interface ProducerRow {
  readonly epoch: bigint;
  readonly next_seq: bigint;
  readonly closed: boolean;
}

/** Producers and their epochs. Everything here and every append locks the producer's row, so all of it is in one order. */
export class Epochs {
  readonly #sql: Sql;
  readonly #clock: Clock;

  constructor(sql: Sql, clock: Clock) {
    this.#sql = sql;
    this.#clock = clock;
  }

  /** Each statement ends within the statement timeout of the pool; all of them together before TAKE_LIMIT_MS. */
  async take(producer: string): Promise<bigint> {
    const deadlineMs = this.#clock.monotonicMs() + TAKE_LIMIT_MS;
    return this.#sql.transaction(async (transaction) => {
      await transaction.query(`INSERT INTO events.producer (name, epoch, next_seq, closed, beat_at_ms) VALUES ($1, 0, 0, true, 0) ON CONFLICT DO NOTHING`, [producer]);
      const [row] = await transaction.query<ProducerRow>('SELECT epoch, next_seq, closed FROM events.producer WHERE name = $1 FOR UPDATE', [producer]);
      if (!row) throw new ServiceError('internal', 'The producer has no row.');
      if (!row.closed) await writeClose(transaction, producer, row);
      const epoch = row.epoch + 1n;
      await transaction.query(`UPDATE events.producer SET epoch = $2, next_seq = 0, closed = false, beat_at_ms = ${NOW_MS} WHERE name = $1`, [producer, epoch]);
      if (this.#clock.monotonicMs() >= deadlineMs) throw new ServiceError('audit_log_unavailable', 'The event log answered too late.');
      return epoch;
    }).catch((thrown: unknown) => Promise.reject(toLogError(thrown)));
  }

  async renew(producer: string, epoch: bigint): Promise<void> {
    const text = `UPDATE events.producer SET beat_at_ms = ${NOW_MS} WHERE name = $1 AND epoch = $2 AND NOT closed RETURNING 1 AS renewed`;
    const rows = await this.#sql.query(text, [producer, epoch]).catch((thrown: unknown) => Promise.reject(toLogError(thrown)));
    if (rows.length === 0) throw epochLost();
  }

  async close(producer: string, epoch: bigint): Promise<boolean> {
    return this.#sql.transaction(async (transaction) => {
      const text = 'UPDATE events.producer SET closed = true WHERE name = $1 AND epoch = $2 AND NOT closed RETURNING epoch, next_seq, closed';
      const [row] = await transaction.query<ProducerRow>(text, [producer, epoch]);
      if (row) await writeClose(transaction, producer, row);
      return row !== undefined;
    }).catch((thrown: unknown) => Promise.reject(toLogError(thrown)));
  }

  /** While the server was down nobody could beat, so silence counts from its start at the earliest. */
  async open(): Promise<OpenEpoch[]> {
    const text = `SELECT name AS producer, epoch,
        greatest(0, ${NOW_MS} - greatest(beat_at_ms, (extract(epoch FROM pg_postmaster_start_time()) * 1000)::bigint))::float8 AS "silentMs", false AS "isReplaced"
      FROM events.producer WHERE NOT closed ORDER BY name`;
    return this.#sql.query<OpenEpoch>(text).catch((thrown: unknown) => Promise.reject(toLogError(thrown)));
  }
}

export function epochLost(): ServiceError {
  return new ServiceError('epoch_lost', 'The epoch of this process was closed.');
}

async function writeClose(transaction: SqlTransaction, producer: string, { epoch, next_seq: seq }: ProducerRow): Promise<void> {
  await transaction.query(
    `WITH close AS (INSERT INTO events.segment (producer, epoch, seq, size, bytes, appended_at_ms) VALUES ($1, $2, $3, 0, NULL, ${NOW_MS}) RETURNING 1)
     SELECT pg_notify('${CHANNEL}', '${SEGMENT_NOTICE}') FROM close`,
    [producer, epoch, seq],
  );
}
