import type { Sql, SqlTransaction } from '@sluice/sql';
import { NEVER_OPENED, type EpochState, type KnownEpochs } from './producer-stream.ts';
import type { SegmentRecord } from './segment-record.ts';

interface EpochRow {
  readonly producer: string;
  readonly epoch: bigint;
  readonly next_seq: bigint;
  readonly closed: boolean;
  readonly preceding: bigint;
  readonly taker: string;
  readonly take: bigint;
}

const COLUMNS = 'producer, epoch, next_seq, closed, preceding, taker, take';

const READ = {
  name: 'events_kafka_epochs',
  text: `SELECT ${COLUMNS} FROM events.kafka_epoch WHERE consumer = $1 AND producer = ANY ($2::text[]) AND epoch = ANY ($3::bigint[])
    UNION SELECT newest.* FROM unnest($2::text[]) AS name CROSS JOIN LATERAL (
      SELECT ${COLUMNS} FROM events.kafka_epoch WHERE consumer = $1 AND producer = name AND taker <> '${NEVER_OPENED}' ORDER BY epoch DESC LIMIT 1
    ) newest`,
} as const;

const WRITE = {
  name: 'events_kafka_epochs_write',
  text: `INSERT INTO events.kafka_epoch (consumer, seen_at_ms, ${COLUMNS})
    SELECT $1, $2, * FROM unnest($3::text[], $4::bigint[], $5::bigint[], $6::boolean[], $7::bigint[], $8::text[], $9::bigint[])
    ON CONFLICT (consumer, producer, epoch) DO UPDATE SET next_seq = excluded.next_seq, closed = excluded.closed, seen_at_ms = excluded.seen_at_ms`,
} as const;

/** Of each producer in the batch its newest epoch, and every epoch that the batch names. */
export async function readKnownEpochs(transaction: SqlTransaction, consumer: string, records: readonly SegmentRecord[]): Promise<KnownEpochs> {
  const producers = [...new Set(records.map(({ producer }) => producer))];
  const epochs = [...new Set(records.map(({ epoch }) => epoch))];
  const rows = await transaction.query<EpochRow>(READ, [consumer, producers, epochs]);
  return rows.map(({ next_seq: nextSeq, ...row }) => ({ ...row, nextSeq }));
}

export async function writeEpochs(transaction: SqlTransaction, consumer: string, states: readonly EpochState[], nowMs: number): Promise<void> {
  if (states.length === 0) return;
  const column = <T>(read: (state: EpochState) => T): T[] => states.map(read);
  await transaction.query(WRITE, [
    consumer, nowMs, column((one) => one.producer), column((one) => one.epoch), column((one) => one.nextSeq), column((one) => one.closed),
    column((one) => one.preceding), column((one) => one.taker), column((one) => one.take),
  ]);
}

export interface NamedEpoch {
  readonly producer: string;
  readonly epoch: bigint;
}

/** The newest epoch of each producer that any consumer has seen opened, and whether one has seen it closed. */
export async function newestEpochs(sql: Sql): Promise<(NamedEpoch & { readonly closed: boolean })[]> {
  return sql.query(
    `SELECT producer, epoch, bool_or(closed) AS closed FROM events.kafka_epoch k WHERE taker <> '${NEVER_OPENED}'
       AND NOT EXISTS (SELECT 1 FROM events.kafka_epoch n WHERE n.producer = k.producer AND n.epoch > k.epoch AND n.taker <> '${NEVER_OPENED}')
     GROUP BY producer, epoch ORDER BY producer`,
  );
}
