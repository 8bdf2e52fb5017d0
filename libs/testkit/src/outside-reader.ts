import { readFileSync } from 'node:fs';
import { createFileRegistry, fromBinary, toJson, type DescMessage, type FileRegistry, type JsonValue } from '@bufbuild/protobuf';
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import { Kafka, logLevel, type KafkaMessage } from 'kafkajs';

const SOURCE = /^\/(topics|producers|rights|readers)\/[^/]+$/;
const TIME = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?Z$/;
const DEAD_LETTERS = '.dlq';

interface HeaderTable {
  readonly required: readonly string[];
  readonly properties: Readonly<Record<string, object>>;
}

interface AsyncApi {
  readonly channels: Readonly<Record<string, { readonly address: string; readonly messages: Readonly<Record<string, object>> }>>;
  readonly components: {
    readonly messages: Readonly<Record<string, { readonly name: string; readonly payload?: object }>>;
    readonly schemas: { readonly Headers: HeaderTable; readonly DeadLetterHeaders: HeaderTable };
  };
}

export interface SeenRecord {
  readonly topic: string;
  readonly message: KafkaMessage;
}

/** What a reader outside has: the published files and a plain client. */
export class OutsideReader {
  readonly #registry: FileRegistry;
  readonly #document: AsyncApi;

  /** `root`: of the repository, with a slash behind it. */
  constructor(root: string) {
    this.#registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, readFileSync(`${root}docs/events/descriptors.binpb`)));
    this.#document = JSON.parse(readFileSync(`${root}docs/events/asyncapi.json`, 'utf8')) as AsyncApi;
  }

  /** Names of all topics that are published; dead letters are in others beside them. */
  get channels(): string[] {
    return Object.values(this.#document.channels).map(({ address }) => address);
  }

  decode({ headers, value }: KafkaMessage): JsonValue {
    const type: DescMessage | undefined = this.#registry.getMessage(String(headers?.['ce_type']));
    if (!type || !value) throw new Error(`no published message ${String(headers?.['ce_type'])}`);
    return toJson(type, fromBinary(type, value), { registry: this.#registry });
  }

  /** Every record of every topic, up to where each ends now. */
  async readAll(brokers: readonly string[]): Promise<SeenRecord[]> {
    const kafka = new Kafka({ clientId: 'outsider', brokers: [...brokers], logLevel: logLevel.NOTHING });
    const admin = kafka.admin();
    const consumer = kafka.consumer({ groupId: `outsider-${performance.timeOrigin}-${performance.now()}` });
    await admin.connect();
    const there = await admin.listTopics();
    const topics = this.channels.flatMap((name) => [name, name + DEAD_LETTERS]).filter((name) => there.includes(name));
    const waiting = new Map<string, bigint>();
    for (const topic of topics) for (const { partition, low, high } of await admin.fetchTopicOffsets(topic)) if (BigInt(high) > BigInt(low)) waiting.set(`${topic}/${partition}`, BigInt(high));
    await admin.disconnect();
    const seen: SeenRecord[] = [];
    const all = Promise.withResolvers<void>();
    if (waiting.size === 0) all.resolve();
    await consumer.connect();
    try {
      await consumer.subscribe({ topics, fromBeginning: true });
      await consumer.run({
        eachBatch: async ({ batch }) => {
          const place = `${batch.topic}/${batch.partition}`;
          const high = waiting.get(place);
          if (high === undefined) return;
          seen.push(...batch.messages.filter(({ offset }) => BigInt(offset) < high).map((message) => ({ topic: batch.topic, message })));
          if (BigInt(batch.lastOffset()) + 1n >= high) waiting.delete(place);
          if (waiting.size === 0) all.resolve();
        },
      });
      await all.promise;
      return seen;
    } finally {
      await consumer.disconnect();
    }
  }

  /** What of a record is not as it is published, in words. */
  faultsOf({ topic, message }: SeenRecord): string[] {
    const isLetter = topic.endsWith(DEAD_LETTERS);
    const { Headers, DeadLetterHeaders } = this.#document.components.schemas;
    const tables = isLetter ? [Headers, DeadLetterHeaders] : [Headers];
    const always = tables.flatMap(({ required }) => required);
    const headers = new Map(Object.entries(message.headers ?? {}).map(([name, value]) => [name, String(value)]));
    const [key, source, type, time] = ['ce_partitionkey', 'ce_source', 'ce_type', 'ce_time'].map((name) => headers.get(name) ?? '') as [string, string, string, string];
    return [
      ...always.filter((name) => !headers.has(name)).map((name) => `no ${name}`),
      ...[...headers.keys()].filter((name) => !tables.some(({ properties }) => name in properties)).map((name) => `${name} is not published`),
      ...(key === message.key?.toString() ? [] : [`key ${String(message.key)}, ce_partitionkey ${key}`]),
      ...(SOURCE.test(source) ? [] : [`ce_source ${source}`]),
      ...(TIME.test(time) ? [] : [`ce_time ${time}`]),
      ...this.#valueFaults(isLetter ? topic.slice(0, -DEAD_LETTERS.length) : topic, type, message),
    ].map((fault) => `${topic} ${type}: ${fault}`);
  }

  #valueFaults(channel: string, type: string, message: KafkaMessage): string[] {
    const { channels, components } = this.#document;
    const published = Object.keys(channels[channel]?.messages ?? {}).map((name) => components.messages[name]).find((one) => one?.name === type);
    if (!published) return ['its type is not published on this topic'];
    const hasValue = (message.value?.length ?? 0) > 0;
    if (published.payload === undefined) return hasValue ? ['it has a value'] : [];
    try {
      this.decode(message);
      return [];
    } catch (thrown) {
      return [`its value cannot be read: ${String(thrown)}`];
    }
  }
}
