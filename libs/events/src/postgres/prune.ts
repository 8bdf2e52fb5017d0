import type { Sql } from '@sluice/sql';
import { SegmentSchema } from '@sluice/proto/events/v1/calls';
import { topicOf } from '../topic.ts';

const DAY_MS = 86_400_000;
const BATCH_ROWS = 1_000;
/** What is left after so many batches is old work for the next call. */
const MAX_BATCHES = 1_000;

const RECORDS = `DELETE FROM events.record WHERE (topic, position) IN (
    SELECT r.topic, r.position FROM events.record r JOIN events.topic t ON t.name = r.topic
    WHERE r.published_at_ms < $1 - t.retention_days * ${DAY_MS}::bigint
      AND NOT EXISTS (SELECT 1 FROM events.topic_cursor c WHERE c.topic = r.topic AND c.position < r.position)
    LIMIT ${BATCH_ROWS}
  ) RETURNING 1 AS gone`;

/** Without any consumer nothing goes: the one that will keep these segments has not come yet. */
const SEGMENTS = `DELETE FROM events.segment WHERE (producer, epoch, seq) IN (
    SELECT s.producer, s.epoch, s.seq FROM events.segment s
    WHERE s.appended_at_ms < $1 AND EXISTS (SELECT 1 FROM events.segment_consumer)
      AND NOT EXISTS (
        SELECT 1 FROM events.segment_consumer n LEFT JOIN events.segment_cursor c ON c.consumer = n.name AND c.producer = s.producer
        WHERE c.producer IS NULL OR (s.epoch, s.seq) >= (c.epoch, c.next_seq)
      )
    LIMIT ${BATCH_ROWS}
  ) RETURNING 1 AS gone`;

/** Removes what is past its retention and was read by everyone, in small transactions. Dead letters stay. */
export async function prune(sql: Sql, nowMs: number): Promise<void> {
  await inBatches(sql, RECORDS, nowMs);
  await inBatches(sql, SEGMENTS, nowMs - topicOf(SegmentSchema).retentionDays * DAY_MS);
}

async function inBatches(sql: Sql, text: string, beforeMs: number): Promise<void> {
  for (let batch = 0; batch < MAX_BATCHES; batch++) {
    if ((await sql.query(text, [beforeMs])).length < BATCH_ROWS) return;
  }
}
