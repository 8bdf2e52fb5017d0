import type { Ids } from '@sluice/clock';
import { ServiceError } from '@sluice/errors';
import type { Sql } from '@sluice/sql';
import { endsOfEach, type Ends } from './cursors.ts';
import { PUBLISHED_TOPICS } from './declared-topics.ts';
import type { KafkaHouse } from './group-reader.ts';
import { administer } from './kafka-client.ts';
import { sequencesIn, type Stretch } from './topic-sequences.ts';

/** A record that is no event of the platform may lie at the end of a topic, but hardly so many. */
const LOOK_BACK_RECORDS = 100n;
const MEND = 'If it cannot be had back, stop every process and run: sluice events adopt (docs/operate.md, Kafka: after a loss).';

/** The id that the brokers' operator gave the cluster when its storage was formatted. */
export async function clusterIdOf(house: KafkaHouse): Promise<string> {
  return administer(house.kafka, async (admin) => (await admin.describeCluster()).clusterId);
}

/**
 * Positions and offsets in the database speak of records on Kafka: with another cluster, or beside an older copy of the
 * database, new records would be taken for old ones and passed over. Fails with `failed_precondition` where the two do not
 * belong together, as far as can be seen; ties them where nothing did yet.
 */
export async function checkTies(sql: Sql, house: KafkaHouse, ids: Pick<Ids, 'next'>): Promise<void> {
  const clusterId = await clusterIdOf(house);
  await sql.query('INSERT INTO events.kafka_cluster (generation, cluster_id, since_ms) SELECT 1, $1, $2 WHERE NOT EXISTS (SELECT 1 FROM events.kafka_cluster) ON CONFLICT DO NOTHING', [clusterId, house.clock.wallMs()]);
  const [tied] = await sql.query<{ cluster_id: string }>('SELECT cluster_id FROM events.kafka_cluster ORDER BY generation DESC LIMIT 1');
  if (tied!.cluster_id !== clusterId) throw apart(`This database belongs to the Kafka cluster ${tied!.cluster_id}, and KAFKA_BROKERS leads to the cluster ${clusterId}: what was sent and not yet read is not there.`);
  await checkCursors(sql, house);
  await checkPublished(sql, house, ids);
}

/** Everything that a consumer has read was there, and what it reads next is there or comes next. */
async function checkCursors(sql: Sql, house: KafkaHouse): Promise<void> {
  const cursors = await sql.query<{ consumer: string; topic: string; part: number; next: bigint }>('SELECT consumer, topic, part, next_offset AS next FROM events.kafka_cursor');
  const ends = await endsOfEach(house, new Set(cursors.map(({ topic }) => topic)));
  for (const { consumer, topic, part, next } of cursors) {
    const { low, high } = ends.get(topic)!.get(part) ?? NOTHING;
    if (next > high) throw apart(`${consumer} has read ${topic}/${part} up to ${next}, and Kafka has records up to ${high} alone: the topic was made anew, or Kafka has lost records.`);
    if (next < low) throw apart(`${consumer} has read ${topic}/${part} up to ${next}, and Kafka has cut off what is in front of ${low}: the database is an older copy.`);
  }
}

const NOTHING: Ends = { low: 0n, high: 0n };

/** Nothing lies on Kafka that this database has not published. */
async function checkPublished(sql: Sql, house: KafkaHouse, ids: Pick<Ids, 'next'>): Promise<void> {
  const unmarked = new Map<string, Stretch>();
  const marks = await sql.query<{ topic: string; next: bigint }>('SELECT topic, max(next_offset) AS next FROM events.relay_mark GROUP BY topic');
  const ends = await endsOfEach(house, PUBLISHED_TOPICS.map(({ name }) => name));
  for (const [name, { low, high }] of onePartition(ends)) {
    const marked = marks.find(({ topic }) => topic === name)?.next ?? 0n;
    if (marked > high) throw apart(`This database has sent records of ${name} up to ${marked}, and Kafka has them up to ${high} alone: the topic was made anew, or Kafka has lost records.`);
    if (marked < high) unmarked.set(name, lastOf(low, high));
  }
  // Behind the last mark lies what a relay has just sent, or what another life of this database has.
  const found = await sequencesIn(house, ids, unmarked);
  const heads = new Map((await sql.query<{ name: string; head: bigint }>('SELECT name, head FROM events.topic')).map(({ name, head }) => [name, head]));
  for (const [name, { greatest = 0n }] of found) {
    const head = heads.get(name) ?? 0n;
    if (greatest > head) throw apart(`The topic ${name} on Kafka holds records that this database did not publish: up to position ${greatest}, and here the last one is ${head}. The database is another one, or an older copy.`);
  }
}

/** Of topics with one partition each. */
export function onePartition(ends: ReadonlyMap<string, ReadonlyMap<number, Ends>>): [string, Ends][] {
  return [...ends].map(([topic, partitions]) => [topic, partitions.get(0) ?? NOTHING]);
}

/** So much of the end of a topic that the greatest position is in it. */
export function lastOf(low: bigint, high: bigint): Stretch {
  const from = high - LOOK_BACK_RECORDS;
  return { from: from > low ? from : low, to: high };
}

function apart(message: string): ServiceError {
  return new ServiceError('failed_precondition', `${message} ${MEND}`);
}
