import { ServiceError } from '@sluice/errors';
import type { Sql, SqlTransaction } from '@sluice/sql';
import type { SegmentEntry, SegmentHandler } from '../event-log.ts';
import type { PassResult, Reader } from '../read-loop.ts';
import { schemaOf } from './consumer-schema.ts';
import type { RecentSegments, SegmentPlace } from './recent-segments.ts';
import { MAX_SEGMENT_BYTES } from './segment-writer.ts';

/** Bytes of one batch: bounds the memory of a consumer that has fallen behind. */
export const MAX_BATCH_BYTES = 4 * 1024 * 1024;
const MAX_BATCH_ENTRIES = 1_000;
/** Under load one transaction takes what came in this time. */
export const SEGMENT_PACE_MS = 150;
const LAG_COUNT_LIMIT = 10_000;

/** The end of each producer's stream: where its next entry will stand. A closed epoch continues in the next one. */
const HEADS = `SELECT name AS producer, epoch + closed::int AS epoch, CASE WHEN closed THEN 0 ELSE next_seq END AS seq FROM events.producer`;
/** Producers with more than the consumer ($1) has handled, and where it is in each. */
const BEHIND = `SELECT h.producer, coalesce(c.epoch, 1) AS epoch, coalesce(c.next_seq, 0) AS seq
  FROM (${HEADS}) h LEFT JOIN events.segment_cursor c ON c.consumer = $1 AND c.producer = h.producer
  WHERE (h.epoch, h.seq) > (coalesce(c.epoch, 1), coalesce(c.next_seq, 0))`;

const LAG = {
  name: 'events_segment_lag',
  text: `SELECT count(*)::int AS lag FROM (
      SELECT 1 FROM (${BEHIND}) b JOIN events.segment s ON s.producer = b.producer AND (s.epoch, s.seq) >= (b.epoch, b.seq) LIMIT ${LAG_COUNT_LIMIT}
    ) entries`,
} as const;

/** The producers' streams by turns, so that a busy one does not starve the others; at least one entry, at most $2 bytes. */
const READ = {
  name: 'events_segment_read',
  text: `SELECT producer, epoch, seq, size, closed, from_epoch, from_seq FROM (
      SELECT e.producer, e.epoch, e.seq, e.size, e.closed, e.turn, b.epoch AS from_epoch, b.seq AS from_seq, sum(e.size) OVER (ORDER BY e.turn, e.producer) AS total
      FROM (${BEHIND}) b CROSS JOIN LATERAL (
        SELECT s.producer, s.epoch, s.seq, s.size, s.bytes IS NULL AS closed, row_number() OVER (ORDER BY s.epoch, s.seq) AS turn
        FROM events.segment s WHERE s.producer = b.producer AND (s.epoch, s.seq) >= (b.epoch, b.seq) ORDER BY s.epoch, s.seq LIMIT ${MAX_BATCH_ENTRIES}
      ) e
    ) ordered WHERE total <= $2 OR total = size ORDER BY turn, producer LIMIT ${MAX_BATCH_ENTRIES}`,
} as const;

/** Bytes of the segments at these places, in the same order. */
const READ_BYTES = {
  name: 'events_segment_bytes',
  text: `SELECT s.bytes FROM unnest($1::text[], $2::bigint[], $3::bigint[]) WITH ORDINALITY AS place (producer, epoch, seq, at)
    JOIN events.segment s USING (producer, epoch, seq) ORDER BY at`,
} as const;

interface EntryRow extends SegmentPlace {
  /** 0 for a close. */
  readonly size: number;
  readonly closed: boolean;
  readonly from_epoch: bigint;
  readonly from_seq: bigint;
}

interface Place {
  readonly epoch: bigint;
  readonly seq: bigint;
}

type Heads = readonly { readonly producer: string; readonly epoch: bigint; readonly seq: bigint }[];

/** Reads all producers' streams for one consumer: a batch, its effects and the cursors in one transaction. */
export class SegmentReader implements Reader<Heads> {
  readonly name: string;
  readonly #sql: Sql;
  readonly #consumer: string;
  readonly #handle: SegmentHandler;
  readonly #recent: RecentSegments;
  #lag = 0;
  #registered = false;

  constructor(sql: Sql, recent: RecentSegments, consumer: string, handle: SegmentHandler) {
    this.#sql = sql;
    this.#recent = recent;
    this.#consumer = consumer;
    this.#handle = handle;
    this.name = `${consumer} < segments`;
    schemaOf(consumer);
  }

  lag(): number {
    return this.#lag;
  }

  target(): Promise<Heads> {
    return this.#sql.query<Heads[number]>(HEADS);
  }

  async reached(target: Heads): Promise<boolean> {
    const columns = [target.map(({ producer }) => producer), target.map(({ epoch }) => epoch), target.map(({ seq }) => seq)];
    const behind = await this.#sql.query(
      `SELECT 1 FROM unnest($2::text[], $3::bigint[], $4::bigint[]) AS t (producer, epoch, seq)
       LEFT JOIN events.segment_cursor c ON c.consumer = $1 AND c.producer = t.producer
       WHERE (t.epoch, t.seq) > (coalesce(c.epoch, 1), coalesce(c.next_seq, 0)) LIMIT 1`,
      [this.#consumer, ...columns],
    );
    return behind.length === 0;
  }

  async pass(): Promise<PassResult> {
    if (!this.#registered) await this.#register();
    // Looking costs no transaction with a lock and hence no write; most looks of a resting system find nothing.
    const [row] = await this.#sql.query<{ lag: number }>(LAG, [this.#consumer]);
    this.#lag = row?.lag ?? 0;
    if (this.#lag === 0) return 'none';
    const batch = await this.#sql.transaction((transaction) => this.#batch(transaction));
    this.#lag = Math.max(0, this.#lag - batch.entries);
    if (batch.entries === 0) return 'none';
    return batch.entries === MAX_BATCH_ENTRIES || batch.bytes > MAX_BATCH_BYTES - MAX_SEGMENT_BYTES ? 'full' : 'some';
  }

  /** A new consumer begins with the oldest entries that are still there. */
  async #register(): Promise<void> {
    await this.#sql.query(
      `WITH new AS (INSERT INTO events.segment_consumer (name) VALUES ($1) ON CONFLICT DO NOTHING RETURNING name)
       INSERT INTO events.segment_cursor (consumer, producer, epoch, next_seq)
       SELECT new.name, h.producer, coalesce(first.epoch, h.epoch), coalesce(first.seq, h.seq) FROM new CROSS JOIN (${HEADS}) h
       LEFT JOIN LATERAL (SELECT s.epoch, s.seq FROM events.segment s WHERE s.producer = h.producer ORDER BY s.epoch, s.seq LIMIT 1) first ON true`,
      [this.#consumer],
    );
    this.#registered = true;
  }

  async #batch(transaction: SqlTransaction): Promise<{ entries: number; bytes: number }> {
    // Another process that works for the same consumer holds the row: it is doing this very work.
    const [turn] = await transaction.query(
      `SELECT set_config('search_path', $2, true) FROM events.segment_consumer WHERE name = $1 FOR UPDATE SKIP LOCKED`,
      [this.#consumer, schemaOf(this.#consumer)],
    );
    if (!turn) return { entries: 0, bytes: 0 };
    const rows = await transaction.query<EntryRow>(READ, [this.#consumer, MAX_BATCH_BYTES]);
    const cursors = walk(rows);
    await this.#handle(transaction, await this.#entries(transaction, rows));
    const places = [...cursors.values()];
    await transaction.query(
      `INSERT INTO events.segment_cursor (consumer, producer, epoch, next_seq) SELECT $1, * FROM unnest($2::text[], $3::bigint[], $4::bigint[])
       ON CONFLICT (consumer, producer) DO UPDATE SET epoch = excluded.epoch, next_seq = excluded.next_seq`,
      [this.#consumer, [...cursors.keys()], places.map(({ epoch }) => epoch), places.map(({ seq }) => seq)],
    );
    return { entries: rows.length, bytes: rows.reduce((sum, { size }) => sum + size, 0) };
  }

  /** The log is asked only for bytes that are not at hand. */
  async #entries(transaction: SqlTransaction, rows: readonly EntryRow[]): Promise<SegmentEntry[]> {
    const bytes = rows.map((row) => (row.closed ? undefined : this.#recent.get(row, row.size)));
    const missing = rows.flatMap((row, index) => (row.closed || bytes[index] ? [] : [index]));
    if (missing.length > 0) {
      const places = missing.map((index) => rows[index]!);
      const columns = [places.map(({ producer }) => producer), places.map(({ epoch }) => epoch), places.map(({ seq }) => seq)];
      const read = await transaction.query<{ bytes: Buffer }>(READ_BYTES, columns);
      if (read.length < missing.length) throw new ServiceError('internal', 'Segments went from the log before they were handled.');
      missing.forEach((index, at) => {
        bytes[index] = read[at]!.bytes;
        this.#recent.put(rows[index]!, read[at]!.bytes);
      });
    }
    return rows.map(({ producer, epoch, seq }, index) => entryOf({ producer, epoch, seq }, bytes[index]));
  }
}

/** Where each producer's cursor stands behind the batch; an entry that is not the expected next one is a gap in the log. */
function walk(rows: readonly EntryRow[]): Map<string, Place> {
  const cursors = new Map<string, Place>();
  for (const row of rows) {
    const expected = cursors.get(row.producer) ?? { epoch: row.from_epoch, seq: row.from_seq };
    if (row.epoch !== expected.epoch || row.seq !== expected.seq) {
      throw new ServiceError('internal', `The log has a gap: ${row.producer} continues at (${row.epoch}, ${row.seq}) instead of (${expected.epoch}, ${expected.seq}).`);
    }
    cursors.set(row.producer, row.closed ? { epoch: row.epoch + 1n, seq: 0n } : { epoch: row.epoch, seq: row.seq + 1n });
  }
  return cursors;
}

function entryOf(place: SegmentPlace, bytes: Uint8Array | undefined): SegmentEntry {
  return bytes ? { kind: 'segment', segment: { ...place, bytes } } : { kind: 'closed', ...place };
}
