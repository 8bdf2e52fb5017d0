import type { EventContracts, EventTopic } from './event-topics.ts';
import { exampleOf } from './example-record.ts';
import { BARE_RECORDS, DEAD_LETTER_HEADERS, HEADERS, type Header } from './headers.ts';

/** The page of the events: what a reader outside needs, with a section for each topic. */
export function eventsPage(contracts: EventContracts): string {
  const { topics } = contracts;
  return `# Events

What the services tell each other where the event log lies on Kafka. Readers outside may read all of it: data warehouses, alarms, a
bill of one's own. This page, the [AsyncAPI document](events/asyncapi.json) and the [descriptors](events/descriptors.binpb) are written
from the declarations beside the messages (\`proto/events\`); a test compares them, and another one reads every topic with nothing but
them.

## How to read

- **Values** are protobuf messages, **headers** are CloudEvents 1.0 in binary mode. \`events/descriptors.binpb\` is a
  \`google.protobuf.FileDescriptorSet\` with all that decodes them; \`ce_type\` names the message.
- **Give the consumer a group of its own**, and leave those of the services alone: who joins one takes records from it.
- **A record can come again**, and one can come before another that was published first: writers repeat what they have no answer to. Tell
  them by \`ce_source\` and \`ce_id\`. \`ce_sequence\` is dense, so a reader can put records in order and see that none is missing.
- **Order**: of one key. A topic with one partition has one order of all its records.
- **New fields come**, and known ones keep their numbers and types; ignore what you do not know. A message whose meaning changes gets
  a new topic.
- **What was asked and answered** is in \`calls\` only, and sealed there under the key of its project. Who asked, which model, how many
  tokens, what it cost and how it ended are clear. No record holds an API key.
- **Retention** is counted from when every service has read a record, and the log is cut no earlier; for a reader outside it is the time
  that it may be away.

${table(HEADERS)}

Some records have headers alone, and no value:

| on | \`ce_type\` | |
|---|---|---|
${BARE_RECORDS.map(({ topic, type, says }) => `| \`${topic}\` | \`${type}\` | ${says} |`).join('\n')}

A segment that stands behind the end of its epoch was never released: nobody had an answer of it, and nobody pays for it.

A record that a service could not handle after its attempts is put on \`TOPIC.dlq\`, as it was, and kept for 30 days; its \`ce_time\` is when
that was, and it has these beside its own headers:

${table(DEAD_LETTER_HEADERS)}

## Topics

| topic | key | message | partitions | retention |
|---|---|---|---|---|
${topics.map(({ declared, message }) => `| [\`${declared.name}\`](#${anchorOf(declared.name)}) | \`${declared.key}\` | \`${message.typeName}\` | ${declared.partitions || 1} | ${days(declared.retentionDays)} |`).join('\n')}

Topics are made at start, each with three replicas, of which two must have a record before it counts, and none is made while Kafka has fewer
brokers than that; with \`KAFKA_REPLICAS=1\` each has one. Kafka never makes a topic by itself.

${topics.map((topic) => sectionOf(topic, contracts)).join('\n')}`;
}

function sectionOf(topic: EventTopic, contracts: EventContracts): string {
  const { declared, description, fields } = topic;
  const example = exampleOf(topic, contracts);
  return `## ${declared.name}

${description === '' ? '' : `${description}\n\n`}| field | | |
|---|---|---|
${fields.map(({ field, description: says }) => `| ${field.number} \`${field.name}\` | ${typeOf(field)} | ${says.replaceAll('|', '\\|')} |`).join('\n')}

\`\`\`json
${JSON.stringify(example.message, undefined, 2)}
\`\`\`
`;
}

type Field = EventTopic['fields'][number]['field'];

function typeOf(field: Field): string {
  const kind = field.fieldKind === 'scalar' ? SCALARS[field.scalar] ?? 'bytes' : field.fieldKind === 'message' ? `\`${field.message.typeName}\`` : field.fieldKind === 'enum' ? `\`${field.enum.typeName}\`` : field.fieldKind;
  return field.fieldKind === 'list' ? `list of ${listTypeOf(field)}` : kind;
}

function listTypeOf(field: Extract<Field, { fieldKind: 'list' }>): string {
  if (field.listKind === 'message') return `\`${field.message.typeName}\``;
  return field.listKind === 'enum' ? `\`${field.enum.typeName}\`` : SCALARS[field.scalar] ?? 'bytes';
}

/** Of `google.protobuf.FieldDescriptorProto.Type`. */
const SCALARS: Readonly<Record<number, string>> = { 1: 'double', 2: 'float', 3: 'int64', 4: 'uint64', 5: 'int32', 8: 'bool', 9: 'string', 12: 'bytes', 13: 'uint32' };

function table(headers: readonly Header[]): string {
  return `| header | |\n|---|---|\n${headers.map(({ name, always, says }) => `| \`${name}\`${always ? '' : ' (where there is one)'} | ${says} |`).join('\n')}`;
}

function anchorOf(name: string): string {
  return name.replaceAll('.', '');
}

function days(count: number): string {
  return count === 1 ? '1 day' : `${count} days`;
}
