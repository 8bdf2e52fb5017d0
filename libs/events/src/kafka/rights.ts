import { DECLARED_TOPICS, PRODUCER_BEAT_TOPIC, PUBLISHED_TOPICS, RIGHT_CLAIM_TOPIC, SEGMENT_TOPIC, TOPIC_BEAT_TOPIC } from './declared-topics.ts';

/** First words of the names of groups that one process alone is in; what follows is new each time (`follow_...`). */
export const OWN_GROUPS = { follow: 'follow', positions: 'positions', beats: 'beats', sole: 'sole', claim: 'claim', read: 'read' } as const;

/** As Kafka's authorizer names them. Read, Write and Delete bring Describe with them. */
export type TopicRight = 'Describe' | 'DescribeConfigs' | 'Read' | 'Write' | 'Create' | 'AlterConfigs' | 'Delete';

export interface TopicGrant {
  readonly rights: readonly TopicRight[];
  /** Names of topics, without the prefix that a platform may have in front of all of them. */
  readonly topics: readonly string[];
}

/** What one kind of process asks of a cluster that checks rights; a process that is of several kinds needs what each of them does. */
export interface KafkaRole {
  /** Who that is, in words. */
  readonly who: string;
  readonly topics: readonly TopicGrant[];
  /** Beginnings of the names of consumer groups to Read. */
  readonly groups: readonly string[];
  /** On the cluster itself. */
  readonly cluster?: readonly 'DescribeConfigs'[];
}

const ALL = DECLARED_TOPICS.map(({ name }) => name);
const PUBLISHED = PUBLISHED_TOPICS.map(({ name }) => name);
const CUT = DECLARED_TOPICS.filter(({ ends }) => ends === 'cut').map(({ name }) => name);
const [CALLS, PRODUCER_BEATS, TOPIC_BEATS, CLAIMS] = [SEGMENT_TOPIC, PRODUCER_BEAT_TOPIC, TOPIC_BEAT_TOPIC, RIGHT_CLAIM_TOPIC].map(({ name }) => name) as [string, string, string, string];
/** Of what owners publish, what others keep a copy of. */
const COPIED = ['access.changed', 'registry.changed', 'filter.changed'];

const groups = (...names: readonly (keyof typeof OWN_GROUPS)[]): string[] => names.map((name) => `${OWN_GROUPS[name]}_`);

/** Every right that the platform asks of Kafka. */
export const KAFKA_ROLES = {
  every: { who: 'every process of the platform', topics: [{ rights: ['Describe', 'DescribeConfigs'], topics: ALL }], groups: [] },
  dataPlane: {
    who: 'data plane (gateway, content-filter, inference-router)',
    topics: [{ rights: ['Read'], topics: [...COPIED, TOPIC_BEATS] }, { rights: ['Write'], topics: [CALLS] }, { rights: ['Read', 'Write'], topics: [PRODUCER_BEATS] }],
    groups: groups('follow', 'beats'),
  },
  tables: {
    who: 'every process with tables: it has `DATABASE_URL`',
    topics: [{ rights: ['Read', 'Write'], topics: PUBLISHED }, { rights: ['Write'], topics: [TOPIC_BEATS] }],
    groups: groups('positions'),
  },
  rules: { who: 'content-filter-rules, beside that: it follows its own topic', topics: [{ rights: ['Read'], topics: [TOPIC_BEATS] }], groups: groups('follow') },
  audit: {
    who: 'audit, beside that',
    topics: [{ rights: ['Read', 'Write'], topics: [CALLS, PRODUCER_BEATS] }, { rights: ['Delete'], topics: CUT }],
    groups: ['audit.', ...groups('beats')],
  },
  billing: { who: 'billing, beside that', topics: [{ rights: ['Read'], topics: [CALLS] }, { rights: ['Read', 'Write'], topics: [CLAIMS] }], groups: groups('sole', 'claim') },
  maker: { who: 'whichever process starts first, and after an upgrade of the platform', topics: [{ rights: ['Create', 'AlterConfigs'], topics: ALL }], groups: [] },
  adopt: {
    who: '`sluice events adopt`, beside what every process and the one that starts first have',
    topics: [{ rights: ['Read', 'Delete'], topics: PUBLISHED }],
    groups: ['audit.', ...groups('follow', 'positions', 'beats', 'sole', 'claim', 'read')],
  },
  reconcile: { who: '`sluice reconcile --kafka`', topics: [{ rights: ['Read'], topics: [CALLS] }], groups: groups('read') },
  doctor: { who: '`sluice doctor`, beside what every process has', topics: [], groups: [], cluster: ['DescribeConfigs'] },
} as const satisfies Readonly<Record<string, KafkaRole>>;
