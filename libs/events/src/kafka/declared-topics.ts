import { hasOption, type DescMessage } from '@bufbuild/protobuf';
import { file_events_v1_calls, ProducerBeatSchema, SegmentSchema } from '@sluice/proto/events/v1/calls';
import { file_events_v1_changes } from '@sluice/proto/events/v1/changes';
import { TopicBeatSchema, topic as topicOption } from '@sluice/proto/events/v1/topic';
import { topicOf, type TopicDeclaration } from '../topic.ts';

/** What cannot be handled is for people, and people are away over a long holiday. */
const DEAD_LETTER_RETENTION_DAYS = 30;
const DEAD_LETTER_SUFFIX = '.dlq';

export interface DeclaredTopic extends TopicDeclaration {
  /**
   * `cut`: what every consumer has read and is past its retention is cut off by `prune`, so Kafka keeps all.
   * `expire`: nobody must have read it, so Kafka removes it by age.
   */
  readonly ends: 'cut' | 'expire';
  /** Full name of the message in it. */
  readonly type: string;
}

/** Records of segments and of epochs. */
export const SEGMENT_TOPIC = topicOf(SegmentSchema);
export const PRODUCER_BEAT_TOPIC = topicOf(ProducerBeatSchema);
export const TOPIC_BEAT_TOPIC = topicOf(TopicBeatSchema);

const BEATS: readonly DescMessage[] = [ProducerBeatSchema, TopicBeatSchema];
const MESSAGES = [...file_events_v1_calls.messages, ...file_events_v1_changes.messages, TopicBeatSchema].filter((schema) => hasOption(schema, topicOption));

/** Topics whose records are published in a transaction, and go through the outbox; each with its dead letters. */
export const PUBLISHED_TOPICS: readonly DeclaredTopic[] = MESSAGES.filter((schema) => schema !== SegmentSchema && !BEATS.includes(schema)).flatMap((schema) => {
  const topic: DeclaredTopic = { ...topicOf(schema), ends: 'cut', type: schema.typeName };
  if (topic.partitions !== 1) throw new Error(`${topic.name} has ${topic.partitions} partitions: records of one topic would not arrive in order`);
  return [topic, { ...topic, name: deadLetterTopic(topic.name), retentionDays: DEAD_LETTER_RETENTION_DAYS, ends: 'expire' }];
});

/** What is published on a topic; undefined for one that is not published on: segments, beats, dead letters. */
export function publishedMessage(topic: string): DescMessage | undefined {
  return MESSAGES.find((schema) => topicOf(schema).name === topic && PUBLISHED_TOPICS.some(({ name }) => name === topic));
}

/** Every topic of the platform. */
export const DECLARED_TOPICS: readonly DeclaredTopic[] = [
  ...PUBLISHED_TOPICS,
  { ...SEGMENT_TOPIC, ends: 'cut', type: SegmentSchema.typeName },
  ...BEATS.map((schema): DeclaredTopic => ({ ...topicOf(schema), ends: 'expire', type: schema.typeName })),
];

/** Where the dead letters of a topic travel. */
export function deadLetterTopic(topic: string): string {
  return topic + DEAD_LETTER_SUFFIX;
}
