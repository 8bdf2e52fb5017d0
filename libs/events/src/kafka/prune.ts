import type { Sql } from '@sluice/sql';
import { PUBLISHED_TOPICS, SEGMENT_TOPIC } from './declared-topics.ts';
import type { KafkaHouse } from './group-reader.ts';
import { administer } from './kafka-client.ts';

const DAY_MS = 86_400_000;
/** Each start of a process has a name of its own. No process lives for so long without an epoch, to take another one then. */
const ENDED_NAME_RETENTION_DAYS = 30;

/** The newest place in front of which everything is past its retention and was read by every named consumer. */
const CUT = `SELECT m.position, m.next_offset AS "nextOffset" FROM events.relay_mark m
  WHERE m.topic = $1 AND m.sent_at_ms < $2 AND NOT EXISTS (SELECT 1 FROM events.kafka_cursor c WHERE c.topic = $1 AND c.next_offset < m.next_offset)
  ORDER BY m.position DESC LIMIT 1`;

/** Cuts off what is past its retention and was read by everyone. Dead letters stay; their topics and the beats expire by themselves. */
export async function prune(sql: Sql, house: KafkaHouse, nowMs: number): Promise<void> {
  for (const { name, retentionDays, ends } of PUBLISHED_TOPICS) {
    const [cut] = await sql.query<{ position: bigint; nextOffset: bigint }>(CUT, [name, nowMs - retentionDays * DAY_MS]);
    if (!cut) continue;
    if (ends === 'cut') await cutOff(house, name, new Map([[0, cut.nextOffset]]));
    // The mark itself stays: it tells a new consumer the position in front of the oldest record.
    await sql.query('DELETE FROM events.relay_mark WHERE topic = $1 AND position < $2', [name, cut.position]);
  }
  await pruneSegments(sql, house, nowMs - SEGMENT_TOPIC.retentionDays * DAY_MS);
  await pruneEpochs(sql, nowMs);
}

/** Without any consumer nothing goes: the one that will keep these segments has not come yet. */
async function pruneSegments(sql: Sql, house: KafkaHouse, beforeMs: number): Promise<void> {
  const topic = SEGMENT_TOPIC.name;
  const cursors = await sql.query<{ part: number; next: bigint; readers: number }>(
    `SELECT part, min(next_offset) AS next, count(*)::int AS readers FROM events.kafka_cursor WHERE topic = $1 GROUP BY part
       HAVING count(*) = (SELECT count(DISTINCT consumer) FROM events.kafka_cursor WHERE topic = $1)`,
    [topic],
  );
  const old = await administer(house.kafka, (admin) => admin.fetchTopicOffsetsByTimestamp(house.prefix + topic, beforeMs));
  const read = new Map(cursors.map(({ part, next }) => [part, next]));
  const cuts = old.flatMap(({ partition, offset }): [number, bigint][] => {
    const next = read.get(partition);
    if (next === undefined) return [];
    const expired = BigInt(offset);
    return [[partition, expired >= 0n && expired < next ? expired : next]];
  });
  await cutOff(house, topic, new Map(cuts));
}

/** The newest epoch of a name stays for longer: the one that follows it must know it. */
async function pruneEpochs(sql: Sql, nowMs: number): Promise<void> {
  await sql.query(
    `DELETE FROM events.kafka_epoch k WHERE k.closed AND k.seen_at_ms < $1 AND (k.seen_at_ms < $2
       OR EXISTS (SELECT 1 FROM events.kafka_epoch n WHERE n.consumer = k.consumer AND n.producer = k.producer AND n.epoch > k.epoch AND n.taker <> ''))`,
    [nowMs - SEGMENT_TOPIC.retentionDays * DAY_MS, nowMs - ENDED_NAME_RETENTION_DAYS * DAY_MS],
  );
}

async function cutOff({ kafka, prefix }: KafkaHouse, topic: string, before: ReadonlyMap<number, bigint>): Promise<void> {
  const name = prefix + topic;
  await administer(kafka, async (admin) => {
    // Also teaches the client the topic, which it must know to delete from it.
    const ends = await admin.fetchTopicOffsets(name);
    const partitions = ends.flatMap(({ partition, low }) => {
      const offset = before.get(partition);
      return offset !== undefined && offset > BigInt(low) ? [{ partition, offset: offset.toString() }] : [];
    });
    if (partitions.length > 0) await admin.deleteTopicRecords({ topic: name, partitions });
  });
}
