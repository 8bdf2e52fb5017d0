import type { Sql } from '@sluice/sql';
import { administer } from './kafka-client.ts';
import type { KafkaHouse } from './group-reader.ts';

/** A consumer's right to a partition: of the last assignment, and of no earlier one. */
export interface Claim {
  readonly partition: number;
  readonly owner: bigint;
  readonly nextOffset: bigint;
  /** Of the last record that was handled; null where the first record tells. */
  readonly position: bigint | null;
  readonly firstOffset: bigint;
}

/** Whoever was assigned the partition after this reader has taken over; what it does now counts. */
export class FencedError extends Error {
  override readonly name = 'FencedError';
}

/** The offsets between which a partition's records are; without a record in it both are the same. */
export interface Ends {
  readonly low: bigint;
  readonly high: bigint;
}

/** The ends of each partition of a topic, by its number. */
export async function endsOf(house: Pick<KafkaHouse, 'kafka' | 'prefix'>, topic: string): Promise<Map<number, Ends>> {
  return (await endsOfEach(house, [topic])).get(topic)!;
}

/** The same of several topics. */
export async function endsOfEach({ kafka, prefix }: Pick<KafkaHouse, 'kafka' | 'prefix'>, topics: Iterable<string>): Promise<Map<string, Map<number, Ends>>> {
  return administer(kafka, async (admin) => {
    const ends = new Map<string, Map<number, Ends>>();
    for (const topic of topics) {
      const found = await admin.fetchTopicOffsets(prefix + topic);
      ends.set(topic, new Map(found.map(({ partition, low, high }) => [partition, { low: BigInt(low), high: BigInt(high) }])));
    }
    return ends;
  });
}

interface CursorRow {
  readonly part: number;
  readonly owner: bigint;
  readonly next_offset: bigint;
  readonly position: bigint | null;
  readonly first_offset: bigint;
}

/** Takes the partitions over from whoever had them. A new consumer begins with the oldest record that is still there. */
export async function claim(sql: Sql, house: KafkaHouse, consumer: string, topic: string, partitions: readonly number[]): Promise<Claim[]> {
  const known = await take(sql, consumer, topic, partitions);
  const missing = partitions.filter((partition) => !known.some(({ part }) => part === partition));
  if (missing.length === 0) return known.map(claimOf);
  const ends = await endsOf(house, topic);
  await sql.query(
    `INSERT INTO events.kafka_cursor (consumer, topic, part, next_offset, first_offset, position, owner)
     SELECT $1, $2, part, low, low, coalesce((SELECT m.position FROM events.relay_mark m WHERE m.topic = $2 AND m.next_offset = low LIMIT 1), CASE low WHEN 0 THEN 0 END), 0
     FROM unnest($3::int[], $4::bigint[]) AS new (part, low) ON CONFLICT DO NOTHING`,
    [consumer, topic, missing, missing.map((partition) => ends.get(partition)?.low ?? 0n)],
  );
  return [...known, ...(await take(sql, consumer, topic, missing))].map(claimOf);
}

function take(sql: Sql, consumer: string, topic: string, partitions: readonly number[]): Promise<CursorRow[]> {
  return sql.query<CursorRow>(
    `UPDATE events.kafka_cursor SET owner = owner + 1 WHERE consumer = $1 AND topic = $2 AND part = ANY ($3::int[])
     RETURNING part, owner, next_offset, position, first_offset`,
    [consumer, topic, partitions],
  );
}

function claimOf({ part, owner, next_offset: nextOffset, position, first_offset: firstOffset }: CursorRow): Claim {
  return { partition: part, owner, nextOffset, position, firstOffset };
}
