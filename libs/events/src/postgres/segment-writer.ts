import type { Clock } from '@sluice/clock';
import { ServiceError } from '@sluice/errors';
import type { Sql } from '@sluice/sql';
import type { StoredSegment } from '../event-log.ts';
import { epochLost } from './epochs.ts';
import { noRoom, toLogError } from './log-error.ts';
import { CHANNEL, NOW_MS, SEGMENT_NOTICE } from './notice.ts';
import type { RecentSegments } from './recent-segments.ts';

/** Twice what a producer builds at most: a single record is split before it comes here. */
export const MAX_SEGMENT_BYTES = 512 * 1024;
/**
 * NOTIFY makes commits of all writers queue up, and readers look again SEGMENT_PACE_MS after each batch anyway: one
 * notice in this time, which must be shorter than that pace, misses nothing.
 */
const NOTICE_EVERY_MS = 100;

/** One round trip: takes the place (which fails unless the epoch is open and the place is the next) and fills it. */
const APPEND = {
  name: 'events_append',
  text: `WITH taken AS (
      UPDATE events.producer SET next_seq = next_seq + 1, beat_at_ms = ${NOW_MS}
      WHERE name = $1 AND epoch = $2 AND next_seq = $3 AND NOT closed RETURNING beat_at_ms
    ), stored AS (
      INSERT INTO events.segment (producer, epoch, seq, size, bytes, appended_at_ms) SELECT $1, $2, $3, length($4::bytea), $4, beat_at_ms FROM taken RETURNING 1
    )
    SELECT CASE WHEN $5 THEN pg_notify('${CHANNEL}', '${SEGMENT_NOTICE}')::text END FROM stored`,
} as const;

const FATE = `SELECT p.epoch = $2 AND NOT p.closed AS open, s.bytes = $4 AS same
  FROM events.producer p LEFT JOIN events.segment s ON s.producer = p.name AND s.epoch = $2 AND s.seq = $3 WHERE p.name = $1`;

export class SegmentWriter {
  readonly #sql: Sql;
  readonly #clock: Clock;
  readonly #hasRoom: () => boolean;
  readonly #recent: RecentSegments;
  #noticeAfterMs = 0;

  constructor(sql: Sql, recent: RecentSegments, clock: Clock, hasRoom: () => boolean) {
    this.#sql = sql;
    this.#recent = recent;
    this.#clock = clock;
    this.#hasRoom = hasRoom;
  }

  async append(segment: StoredSegment): Promise<void> {
    const { producer, epoch, seq, bytes } = segment;
    if (bytes.length > MAX_SEGMENT_BYTES) throw new ServiceError('internal', `A segment holds at most ${MAX_SEGMENT_BYTES} bytes.`);
    if (!this.#hasRoom()) throw noRoom();
    const identity = [producer, epoch, seq, bytes];
    const nowMs = this.#clock.monotonicMs();
    const notice = nowMs >= this.#noticeAfterMs;
    if (notice) this.#noticeAfterMs = nowMs + NOTICE_EVERY_MS;
    try {
      const stored = await this.#sql.query(APPEND, [...identity, notice]);
      if (stored.length === 0) await this.#fate(identity);
      this.#recent.put(segment, bytes);
    } catch (thrown) {
      // The notice may have been lost with the append.
      this.#noticeAfterMs = 0;
      throw toLogError(thrown);
    }
  }

  /**
   * The place was not free. A close comes before all else, also before a duplicate that lies in front of it: after a
   * close nothing is acknowledged any more.
   */
  async #fate(identity: readonly unknown[]): Promise<void> {
    const [row] = await this.#sql.query<{ open: boolean; same: boolean | null }>(FATE, identity);
    if (!row?.open) throw epochLost();
    if (row.same === null) throw new ServiceError('internal', 'A segment is missing in front of this one.');
    if (!row.same) throw new ServiceError('internal', 'Another segment has this identity.');
  }
}
