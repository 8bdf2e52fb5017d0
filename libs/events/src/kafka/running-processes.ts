import type { Clock } from '@sluice/clock';
import { ServiceError } from '@sluice/errors';
import type { Sql } from '@sluice/sql';
import { DECLARED_TOPICS } from './declared-topics.ts';
import type { KafkaHouse } from './group-reader.ts';
import { administer } from './kafka-client.ts';
import { KAFKA_ROLES, OWN_GROUPS } from './rights.ts';

/** A session of the database goes with its process, within moments. */
const SESSION_PATIENCE_MS = 1_000;
/** A member of a group that was killed counts until its session is over, which is after 8 s. */
const MEMBER_PATIENCE_MS = 10_000;
const LOOK_AGAIN_MS = 250;

/**
 * Fails with `failed_precondition`, and names what it saw, while a process of the platform has this database or this cluster. To be
 * called before the pool has more than one connection.
 */
export async function checkNobodyRuns(sql: Sql, house: KafkaHouse): Promise<void> {
  const { clock } = house;
  await gone(clock, SESSION_PATIENCE_MS, async () => sessionsIn(sql));
  await gone(clock, MEMBER_PATIENCE_MS, async () => membersOf(house));
}

async function gone(clock: Clock, patienceMs: number, look: () => Promise<string[]>): Promise<void> {
  const endMs = clock.monotonicMs() + patienceMs;
  for (;;) {
    const seen = await look();
    if (seen.length === 0) return;
    if (clock.monotonicMs() >= endMs) throw new ServiceError('failed_precondition', `Processes of the platform run: ${seen.join(', ')}. What they have in memory would not go with what is adopted. Stop every one of them, and adopt then.`);
    await new Promise<void>((resolve) => { clock.after(LOOK_AGAIN_MS, resolve); });
  }
}

/** Every process with tables keeps connections to the tables of the log. */
async function sessionsIn(sql: Sql): Promise<string[]> {
  const sessions = await sql.query<{ place: string; count: number }>(
    `SELECT coalesce(host(client_addr), 'a local socket') AS place, count(*)::int AS count FROM pg_stat_activity
       WHERE datname = current_database() AND application_name = 'sluice events' AND pid <> pg_backend_pid() GROUP BY 1 ORDER BY 1`,
  );
  return sessions.map(({ place, count }) => `${count} sessions of the event log in the database, from ${place}`);
}

const OF_ONE_PROCESS = new RegExp(`^(${Object.values(OWN_GROUPS).join('|')})_[0-9a-z]{26}$`);
/** First words of the groups that several processes share; what follows is the topic. */
const SHARED = new Set(Object.values(KAFKA_ROLES).flatMap(({ groups }) => groups.filter((name) => name.endsWith('.'))));

/** Whether a group of consumers, whose name stands behind the prefix of the platform, is one of its own: others read the topics too. */
export function isOwnGroup(name: string): boolean {
  return OF_ONE_PROCESS.test(name) || [...SHARED].some((consumer) => DECLARED_TOPICS.some((topic) => name === consumer + topic.name));
}

/** Every process that follows or consumes anything is in a group. */
async function membersOf({ kafka, prefix }: KafkaHouse): Promise<string[]> {
  return administer(kafka, async (admin) => {
    const { groups } = await admin.listGroups();
    const named = groups.map(({ groupId }) => groupId).filter((id) => id.startsWith(prefix) && isOwnGroup(id.slice(prefix.length)));
    if (named.length === 0) return [];
    const described = await admin.describeGroups(named);
    const members = described.groups.flatMap((group) => group.members.map(({ clientId, clientHost }) => `${clientId} on Kafka, from ${clientHost.replace(/^\//, '')}`));
    return [...new Set(members)].toSorted();
  });
}
