import kafkajs, { type Admin, type ITopicMetadata } from 'kafkajs';
import type { Clock } from '@sluice/clock';
import { ServiceError } from '@sluice/errors';
import type { DeclaredTopic } from './declared-topics.ts';
import type { Replicas } from './kafka-client.ts';

const DAY_MS = 86_400_000;
/** Of so many, two hold every write that was acknowledged, and one may fall without stopping the next. */
const SAFE_REPLICAS = 3;
/** A change of what replicas follow may name many things; a batch of records must fit as well. */
const MAX_BATCH_BYTES = 8 * 1024 * 1024;
const LEADERS_DEADLINE_MS = 30_000;
const LEADERS_POLL_MS = 100;

/**
 * Makes the topics that are missing and gives all of them the settings that they are declared with; nothing else makes topics.
 * Returns those that have fewer replicas than declared. Fails with `failed_precondition` where there are too few brokers to make
 * one: it would have fewer for ever.
 */
export async function ensureTopics(admin: Admin, { clock, prefix, replicas: replicationFactor }: { readonly clock: Clock; readonly prefix: string; readonly replicas: Replicas }, topics: readonly DeclaredTopic[]): Promise<string[]> {
  const there = new Set(await admin.listTopics());
  const missing = topics.filter(({ name }) => !there.has(prefix + name));
  if (missing.length > 0) {
    const { brokers } = await admin.describeCluster();
    if (brokers.length < replicationFactor) {
      throw new ServiceError('failed_precondition', `Kafka has ${brokers.length} of the ${replicationFactor} brokers on which topics are made: start the others, or, where one broker is enough, set KAFKA_REPLICAS=1.`);
    }
    // One that another process has made meanwhile is no error to Kafka's client.
    await admin.createTopics({
      topics: missing.map((topic) => ({ topic: prefix + topic.name, numPartitions: topic.partitions, replicationFactor, configEntries: entriesOf(settingsOf(topic, replicationFactor)) })),
    });
  }
  const made = await withLeaders(admin, clock, topics.map(({ name }) => prefix + name));
  for (const { name } of missing) await answers(admin, clock, prefix + name);
  for (const topic of topics) checkPartitions(topic, made.get(prefix + topic.name)!);
  const named = new Map(topics.map((topic) => [prefix + topic.name, settingsOf(topic, replicasOf(made.get(prefix + topic.name)!))]));
  await setWhereDifferent(admin, named);
  return [...made.values()].filter((topic) => replicasOf(topic) < replicationFactor).map(({ name }) => name);
}

/** Of the partition that has the fewest. */
function replicasOf({ partitions }: ITopicMetadata): number {
  return Math.min(...partitions.map(({ replicas }) => replicas.length));
}

type Settings = Readonly<Record<string, string>>;

function settingsOf({ retentionDays, ends }: DeclaredTopic, replicas: number): Settings {
  return {
    'cleanup.policy': 'delete',
    'retention.ms': ends === 'cut' ? '-1' : String(retentionDays * DAY_MS),
    'retention.bytes': '-1',
    'min.insync.replicas': replicas >= SAFE_REPLICAS ? '2' : '1',
    'unclean.leader.election.enable': 'false',
    'max.message.bytes': String(MAX_BATCH_BYTES),
  };
}

function entriesOf(settings: Settings): { name: string; value: string }[] {
  return Object.entries(settings).map(([name, value]) => ({ name, value }));
}

function checkPartitions({ name, partitions }: DeclaredTopic, { partitions: found }: ITopicMetadata): void {
  if (found.length === partitions) return;
  throw new ServiceError('failed_precondition', `The topic ${name} has ${found.length} partitions on Kafka and is declared with ${partitions}: keys would move.`);
}

/** Waits until every partition has a leader: who writes before that waits for much longer. */
async function withLeaders(admin: Admin, clock: Clock, names: string[]): Promise<Map<string, ITopicMetadata>> {
  const endMs = clock.monotonicMs() + LEADERS_DEADLINE_MS;
  for (;;) {
    const topics = await admin.fetchTopicMetadata({ topics: names }).then((answer) => answer.topics, () => []);
    const led = topics.filter(({ partitions }) => partitions.length > 0 && partitions.every(({ leader }) => leader >= 0));
    if (led.length === names.length) return new Map(led.map((topic) => [topic.name, topic]));
    if (clock.monotonicMs() > endMs) throw new ServiceError('audit_log_unavailable', 'Kafka has topics without a leader.');
    await new Promise<void>((resolve) => { clock.after(LEADERS_POLL_MS, resolve); });
  }
}

/** A leader is named a moment before it leads, and who writes in that moment is refused. */
async function answers(admin: Admin, clock: Clock, name: string): Promise<void> {
  const endMs = clock.monotonicMs() + LEADERS_DEADLINE_MS;
  while (!(await admin.fetchTopicOffsets(name).then(() => true, () => false))) {
    if (clock.monotonicMs() > endMs) throw new ServiceError('audit_log_unavailable', `The topic ${name} on Kafka does not answer.`);
    await new Promise<void>((resolve) => { clock.after(LEADERS_POLL_MS, resolve); });
  }
}

/** Kafka forgets every setting of a topic that is not sent with the others, so all are sent, and only where one differs. */
async function setWhereDifferent(admin: Admin, wanted: ReadonlyMap<string, Settings>): Promise<void> {
  const type = kafkajs.ConfigResourceTypes.TOPIC;
  const { resources } = await admin.describeConfigs({ includeSynonyms: false, resources: [...wanted].map(([name, settings]) => ({ type, name, configNames: Object.keys(settings) })) });
  const different = resources.filter(({ resourceName, configEntries }) => {
    const found = new Map(configEntries.map(({ configName, configValue }) => [configName, configValue]));
    return Object.entries(wanted.get(resourceName)!).some(([name, value]) => found.get(name) !== value);
  });
  if (different.length === 0) return;
  await admin.alterConfigs({ validateOnly: false, resources: different.map(({ resourceName }) => ({ type, name: resourceName, configEntries: entriesOf(wanted.get(resourceName)!) })) });
}
