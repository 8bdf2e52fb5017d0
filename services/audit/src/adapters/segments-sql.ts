import type { Sql, SqlTransaction } from '@sluice/sql';
import type { Place } from '../domain/call.ts';
import { clampTime, monthNamed, monthOf, type Month } from '../domain/retention.ts';
import { hexArray, numberArray, textArray } from './array-literal.ts';
import { offsetsOf } from './log-sql.ts';
import type { KeptSegment } from './segment-items.ts';

const PARTITION_PREFIX = 'segment_';

/** Keeps segments as they came, in the partition of the month in which they were built. */
export async function keepSegments(transaction: SqlTransaction, segments: readonly KeptSegment[], salts: readonly (Uint8Array | undefined)[], nowMs: number): Promise<void> {
  if (segments.length === 0) return;
  const builtAt = segments.map(({ kind, builtAtMs }) => Math.trunc(kind === 'unreadable' ? nowMs : clampTime(builtAtMs, nowMs)));
  await makePartitions(transaction, new Map(builtAt.map((timeMs) => monthOf(timeMs, nowMs)).map((month) => [month.name, month])));
  await transaction.query(INSERT_SEGMENTS, [
    Buffer.concat(segments.map(({ bytes }) => bytes)),
    offsetsOf(segments.map(({ bytes }) => bytes)), numberArray(segments.map(({ bytes }) => bytes.length)),
    textArray(segments.map(({ place }) => place.producer)), numberArray(segments.map(({ place }) => place.epoch)), numberArray(segments.map(({ place }) => place.seq)),
    numberArray(builtAt), textArray(segments.map(({ kind }) => kind)), hexArray(salts),
  ]);
}

const INSERT_SEGMENTS = {
  name: 'audit_insert_segments',
  text: `INSERT INTO segment (producer, epoch, seq, built_at_ms, kind, bytes, salt)
    SELECT producer, epoch, seq, built_at_ms, kind, substring($1::bytea FROM start FOR length), decode(salt, 'hex')
    FROM unnest($2::int[], $3::int[], $4::text[], $5::bigint[], $6::bigint[], $7::bigint[], $8::text[], $9::text[])
      AS part (start, length, producer, epoch, seq, built_at_ms, kind, salt)`,
};

async function makePartitions(transaction: SqlTransaction, months: ReadonlyMap<string, Month>): Promise<void> {
  const names = [...months.keys()].map((name) => PARTITION_PREFIX + name);
  const there = await transaction.query<{ name: string }>({
    name: 'audit_find_partitions',
    text: 'SELECT relname::text AS name FROM pg_class WHERE relname = ANY ($1::text[]) AND relnamespace = current_schema()::regnamespace',
  }, [textArray(names)]);
  const known = new Set(there.map(({ name }) => name));
  for (const { name, startMs, endMs } of months.values()) {
    const table = PARTITION_PREFIX + name;
    if (known.has(table)) continue;
    // The name and the bounds come from a calendar, so they may stand in the text.
    await transaction.query(`CREATE TABLE ${table} PARTITION OF segment FOR VALUES FROM (${startMs}) TO (${endMs})`);
    await transaction.query(`CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ${table} FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()`);
  }
}

/** The months that are kept. */
export async function keptMonths(sql: Sql): Promise<Month[]> {
  const rows = await sql.query<{ name: string }>("SELECT inhrelid::regclass::text AS name FROM pg_inherits WHERE inhparent = 'segment'::regclass");
  return rows.flatMap(({ name }) => monthNamed(name.replace(/^.*segment_/, '')) ?? []);
}

/** Removes a month for good. */
export async function dropMonth(transaction: SqlTransaction, month: Month): Promise<void> {
  // The parent first, as the consumer takes them: whoever locked only the partition would wait for the other for ever.
  await transaction.query('LOCK TABLE segment IN ACCESS EXCLUSIVE MODE');
  await transaction.query(`DROP TABLE ${PARTITION_PREFIX}${month.name}`);
}

/** Bytes of the segments at these places of one epoch, in order; those that are gone are left out. */
export async function readSegments(sql: Sql, { producer, epoch }: Pick<Place, 'producer' | 'epoch'>, seqs: readonly bigint[]): Promise<Buffer[]> {
  const rows = await sql.query<{ bytes: Buffer }>(
    "SELECT bytes FROM segment WHERE producer = $1 AND epoch = $2 AND seq = ANY ($3::bigint[]) AND kind = 'segment' ORDER BY seq",
    [producer, epoch, numberArray(seqs)],
  );
  return rows.map(({ bytes }) => bytes);
}
