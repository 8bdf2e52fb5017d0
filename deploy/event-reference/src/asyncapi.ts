import type { JsonObject } from '@bufbuild/protobuf';
import type { EventContracts, EventTopic } from './event-topics.ts';
import { exampleOf } from './example-record.ts';
import { BARE_RECORDS, DEAD_LETTER_HEADERS, HEADERS, type BareRecord, type Header } from './headers.ts';

/**
 * The topics as an AsyncAPI document (specification 3.0.0, Kafka bindings 0.5.0). Payloads are given as the protobuf
 * contracts themselves (`application/vnd.google.protobuf;version=3`), once per file.
 */
export function asyncApi(contracts: EventContracts, sourceOf: (file: string) => string): JsonObject {
  const { topics } = contracts;
  const files = contracts.files.filter((file) => !file.proto.name.startsWith('google/'));
  return {
    asyncapi: '3.0.0',
    info: {
      title: 'Sluice events',
      version: '1',
      description: 'What the services of Sluice tell each other on Kafka, for readers outside. Records are CloudEvents 1.0 in binary mode; values are protobuf messages.',
      license: { name: 'Apache-2.0' },
    },
    defaultContentType: 'application/protobuf',
    channels: Object.fromEntries(topics.map((topic) => [topic.declared.name, channelOf(topic)])),
    operations: Object.fromEntries(topics.map(({ declared: { name } }) => [`read ${name}`, { action: 'receive', channel: { $ref: `#/channels/${name}` } }])),
    components: {
      messages: Object.fromEntries([...topics.map((topic) => [topic.message.name, messageOf(topic, contracts)]), ...BARE_RECORDS.map((record) => [nameOf(record), bareMessage(record)])]),
      schemas: {
        Headers: headerSchema(HEADERS),
        DeadLetterHeaders: headerSchema(DEAD_LETTER_HEADERS),
        ...Object.fromEntries(files.map(({ proto }) => [idOf(proto.name), { schemaFormat: 'application/vnd.google.protobuf;version=3', schema: sourceOf(proto.name) }])),
      },
    },
  };
}

function channelOf({ declared, message, description }: EventTopic): JsonObject {
  return {
    address: declared.name,
    description: description || `Records of ${message.typeName}.`,
    // Not `retention.ms`: the log is cut when every service has read a record and this time is over.
    'x-retention-days': declared.retentionDays,
    messages: Object.fromEntries([message.name, ...BARE_RECORDS.filter(({ topic }) => topic === declared.name).map(nameOf)].map((name) => [name, { $ref: `#/components/messages/${name}` }])),
    bindings: {
      kafka: {
        topic: declared.name,
        partitions: declared.partitions || 1,
        topicConfiguration: { 'cleanup.policy': ['delete'] },
        bindingVersion: '0.5.0',
      },
    },
  };
}

function messageOf(topic: EventTopic, contracts: EventContracts): JsonObject {
  const { message, declared } = topic;
  const example = exampleOf(topic, contracts);
  return {
    name: message.typeName,
    title: message.name,
    contentType: 'application/protobuf',
    headers: { $ref: '#/components/schemas/Headers' },
    payload: { $ref: `#/components/schemas/${idOf(message.file.proto.name)}` },
    'x-protobuf-message': message.typeName,
    bindings: { kafka: { key: { type: 'string', description: `\`${declared.key}\` of the message` }, bindingVersion: '0.5.0' } },
    examples: [{ name: message.name, payload: { protobufJson: example.message, valueBase64: Buffer.from(example.value).toString('base64') } }],
  };
}

function headerSchema(headers: readonly Header[]): JsonObject {
  return { type: 'object', required: headers.filter(({ always }) => always).map(({ name }) => name), properties: Object.fromEntries(headers.map(({ name, says }) => [name, { type: 'string', description: says }])) };
}

function bareMessage(record: BareRecord): JsonObject {
  return { name: record.type, title: nameOf(record), summary: `A record without a value: it ${record.says}.`, headers: { $ref: '#/components/schemas/Headers' } };
}

function nameOf({ type }: BareRecord): string {
  return type.slice(type.lastIndexOf('.') + 1);
}

/** Names of components have no slashes (specification, Components Object). */
function idOf(file: string): string {
  return file.replaceAll('/', '.');
}
