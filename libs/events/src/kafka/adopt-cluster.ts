import type { Clock, Ids } from '@sluice/clock';
import { ServiceError } from '@sluice/errors';
import { createSql, migrate, readMigrations, type SqlPool, type SqlTransaction } from '@sluice/sql';
import type { Logger } from '@sluice/telemetry';
import { toLogError } from '../postgres/log-error.ts';
import { clusterIdOf, lastOf, onePartition } from './cluster-ties.ts';
import { endsOfEach, type Ends } from './cursors.ts';
import { DECLARED_TOPICS, PUBLISHED_TOPICS, SEGMENT_TOPIC } from './declared-topics.ts';
import { ensureTopics } from './ensure-topics.ts';
import type { KafkaHouse } from './group-reader.ts';
import { administer, createKafka, DECLARED_REPLICAS, type KafkaServers } from './kafka-client.ts';
import { registerRelays } from './relay.ts';
import { checkNobodyRuns } from './running-processes.ts';
import { sequencesIn, type Sequences } from './topic-sequences.ts';

const CONNECTIONS = 2;
/** In a topic so much may lie in front of the first record of the platform that is still there. */
const FIRST_RECORDS = 100n;

export interface AdoptionOptions extends KafkaServers {
  readonly clientId: string;
  readonly database: { readonly url: string };
  readonly topicPrefix?: string;
  readonly clock: Clock;
  readonly ids: Pick<Ids, 'next'>;
  readonly logger: Logger;
}

/** What came of it. */
export interface Adoption {
  readonly clusterId: string;
  readonly generation: number;
  /** The cluster before; undefined for the first one. */
  readonly before: string | undefined;
  /** Topics whose next record has a higher position than it would have had: others lie on Kafka up to there. */
  readonly raised: readonly { readonly topic: string; readonly from: bigint; readonly to: bigint }[];
  /** Published records that were on no cluster any more when a consumer came to them. */
  readonly missed: readonly { readonly consumer: string; readonly topic: string; readonly records: bigint }[];
  /** Consumers of segments that begin anew at what the cluster has. What they had not read of the one before is lost to them. */
  readonly segmentsAnew: readonly string[];
}

/**
 * Ties a database to the cluster, whatever it belonged to. Fails with `failed_precondition` while a process of the platform runs, as far
 * as that can be seen in the two. What lies on Kafka and was not read yet is read; what is read again is known by its position or its epoch, and passed over. New records get
 * positions above all that lie there. Nothing that is lost comes back; what consumers miss is told.
 */
export async function adoptCluster({ clientId, database, topicPrefix = '', clock, ids, logger, ...servers }: AdoptionOptions): Promise<Adoption> {
  const house: KafkaHouse = { kafka: await createKafka(servers, clientId, logger), prefix: topicPrefix, clock, logger };
  const sql = createSql({ url: database.url, schema: 'events', connections: CONNECTIONS });
  try {
    await checkNobodyRuns(sql, house);
    await administer(house.kafka, (admin) => ensureTopics(admin, { clock, prefix: topicPrefix, replicas: servers.replicas ?? DECLARED_REPLICAS }, DECLARED_TOPICS));
    await migrate(sql, await readMigrations(new URL('../../migrations/', import.meta.url)), logger);
    await registerRelays(sql, PUBLISHED_TOPICS);
    return await adopt(sql, house, ids);
  } catch (thrown) {
    throw thrown instanceof ServiceError ? thrown : toLogError(thrown);
  } finally {
    await sql.end();
  }
}

async function adopt(sql: SqlPool, house: KafkaHouse, ids: Pick<Ids, 'next'>): Promise<Adoption> {
  const clusterId = await clusterIdOf(house);
  const ends = await endsOfEach(house, PUBLISHED_TOPICS.map(({ name }) => name));
  const first = await sequencesIn(house, ids, new Map(onePartition(ends).map(([topic, { low, high }]) => [topic, { from: low, to: high < low + FIRST_RECORDS ? high : low + FIRST_RECORDS }])));
  const last = await sequencesIn(house, ids, new Map(onePartition(ends).map(([topic, { low, high }]) => [topic, lastOf(low, high)])));
  const segments = (await endsOfEach(house, [SEGMENT_TOPIC.name])).get(SEGMENT_TOPIC.name)!;
  const cuts = new Map<string, bigint>();
  const adoption = await sql.transaction(async (transaction) => {
    const [tied] = await transaction.query<{ generation: number; cluster_id: string }>('SELECT generation, cluster_id FROM events.kafka_cluster ORDER BY generation DESC LIMIT 1');
    const generation = (tied?.generation ?? 0) + 1;
    await transaction.query('INSERT INTO events.kafka_cluster (generation, cluster_id, since_ms) VALUES ($1, $2, $3)', [generation, clusterId, house.clock.wallMs()]);
    const raised: Adoption['raised'][number][] = [];
    const missed: Adoption['missed'][number][] = [];
    for (const [topic, { low, high }] of onePartition(ends)) {
      const placed = await placeTopic(transaction, house, topic, { low, high, first: first.get(topic)?.first, greatest: last.get(topic)?.greatest });
      if (placed.cut !== undefined) cuts.set(topic, placed.cut);
      raised.push(...placed.raised);
      missed.push(...placed.missed);
    }
    return { clusterId, generation, before: tied?.cluster_id, raised, missed, segmentsAnew: await placeSegments(transaction, segments, tied?.cluster_id !== clusterId) };
  });
  await cutOff(house, cuts);
  return adoption;
}

interface Placed extends Pick<Adoption, 'raised' | 'missed'> {
  /** What lies in front of this offset has something missing behind it, and is to go. */
  readonly cut: bigint | undefined;
}

/**
 * Positions are dense to their readers: what the next one of the topic is must be read behind the last one that lies there.
 * Where what lies there ends before what was sent, nobody can read on across the gap, so everybody begins behind it.
 */
async function placeTopic(transaction: SqlTransaction, house: KafkaHouse, topic: string, { low, high, first, greatest = 0n }: Ends & Partial<Sequences>): Promise<Placed> {
  const [relay] = await transaction.query<{ position: bigint }>('SELECT position FROM events.relay WHERE topic = $1 FOR UPDATE', [topic]);
  const sent = relay!.position;
  const isBroken = greatest < sent || first === undefined;
  // Of the last record that a reader who begins with the oldest one has in front of it.
  const begin = isBroken ? sent : first - 1n;
  const nextOffset = isBroken ? high : low;
  const [head] = await transaction.query<{ head: bigint }>('SELECT head FROM events.topic WHERE name = $1 FOR UPDATE', [topic]);
  const { retentionDays } = PUBLISHED_TOPICS.find(({ name }) => name === topic)!;
  if (greatest > (head?.head ?? 0n)) await transaction.query('INSERT INTO events.topic (name, head, retention_days) VALUES ($1, $2, $3) ON CONFLICT (name) DO UPDATE SET head = excluded.head', [topic, greatest, retentionDays]);
  const cursors = await transaction.query<{ consumer: string; position: bigint | null }>('SELECT consumer, position FROM events.kafka_cursor WHERE topic = $1 AND part = 0 FOR UPDATE', [topic]);
  await transaction.query(
    'UPDATE events.kafka_cursor SET owner = owner + 1, attempts = 0, next_offset = $2, first_offset = $2, position = greatest(coalesce(position, 0), $3) WHERE topic = $1',
    [topic, nextOffset, begin],
  );
  await transaction.query('DELETE FROM events.relay_mark WHERE topic = $1', [topic]);
  await transaction.query('INSERT INTO events.relay_mark (topic, position, next_offset, sent_at_ms) VALUES ($1, $2, $3, $4)', [topic, begin, nextOffset, house.clock.wallMs()]);
  return {
    raised: greatest > (head?.head ?? 0n) ? [{ topic, from: head?.head ?? 0n, to: greatest }] : [],
    missed: cursors.flatMap(({ consumer, position }) => ((position ?? begin) < begin ? [{ consumer, topic, records: begin - (position ?? begin) }] : [])),
    cut: isBroken && high > low ? high : undefined,
  };
}

/** What a cursor stands in is read from there; where it stands in nothing, or in another cluster, from the oldest record. */
async function placeSegments(transaction: SqlTransaction, ends: ReadonlyMap<number, Ends>, isOther: boolean): Promise<string[]> {
  const rows = await transaction.query<{ consumer: string }>(
    `UPDATE events.kafka_cursor c SET owner = owner + 1, attempts = 0, next_offset = e.low, first_offset = e.low
       FROM unnest($2::int[], $3::bigint[], $4::bigint[]) AS e (part, low, high)
       WHERE c.topic = $1 AND c.part = e.part AND ($5 OR c.next_offset < e.low OR c.next_offset > e.high) RETURNING c.consumer`,
    [SEGMENT_TOPIC.name, [...ends.keys()], [...ends.values()].map(({ low }) => low), [...ends.values()].map(({ high }) => high), isOther],
  );
  return [...new Set(rows.map(({ consumer }) => consumer))].toSorted();
}

async function cutOff({ kafka, prefix }: KafkaHouse, cuts: ReadonlyMap<string, bigint>): Promise<void> {
  if (cuts.size === 0) return;
  await administer(kafka, async (admin) => {
    for (const [topic, offset] of cuts) {
      // Also teaches the client the topic, which it must know to delete from it.
      await admin.fetchTopicOffsets(prefix + topic);
      await admin.deleteTopicRecords({ topic: prefix + topic, partitions: [{ partition: 0, offset: offset.toString() }] });
    }
  });
}
