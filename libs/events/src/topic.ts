import { getOption, hasOption, type DescMessage } from '@bufbuild/protobuf';
import { topic as topicOption } from '@sluice/proto/events/v1/topic';

/** Where a message travels, as declared beside it. */
export interface TopicDeclaration {
  readonly name: string;
  readonly retentionDays: number;
  /** On Kafka. Records of one key stay in order; those of one topic only where it has one partition. */
  readonly partitions: number;
}

/** Reads the option `events.v1.topic` of a message. A message without one is no event: a fault of the program. */
export function topicOf(schema: DescMessage): TopicDeclaration {
  if (!hasOption(schema, topicOption)) throw new Error(`${schema.typeName} declares no topic`);
  const { name, retentionDays, partitions } = getOption(schema, topicOption);
  return { name, retentionDays, partitions: partitions || 1 };
}
