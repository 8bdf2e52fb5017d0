import { createRequire } from 'node:module';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { createFileRegistry, fromBinary, fromJson, toJson, type DescMessage, type FileRegistry, type JsonValue } from '@bufbuild/protobuf';
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { systemClock, systemIds } from '@sluice/clock';
import { createKafkaEventLog } from '@sluice/events/kafka';
import { SegmentSchema } from '@sluice/proto/events/v1/calls';
import { createSql } from '@sluice/sql';
import { startTestDatabase } from '@sluice/sql/testing';
import { TestBroker } from '@sluice/stack/testing/broker';
import { silentLogger } from '@sluice/telemetry';
import { Ajv } from 'ajv';
import { Kafka, logLevel, type KafkaMessage } from 'kafkajs';
import { exampleOf } from './example-record.ts';
import { readEventContracts } from './event-topics.ts';
import { writtenFiles } from './written-files.ts';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const LONG_MS = 240_000;
const require = createRequire(import.meta.url);

describe('the reference of the events', () => {
  it('is what its writer writes now', () => {
    const files = writtenFiles(root);
    expect(files.size).toBe(3);
    for (const [path, content] of files) expect({ path, same: readFileSync(root + path).equals(Buffer.from(content)) }).toEqual({ path, same: true });
  });

  it('is an AsyncAPI 3.0 document, by the schema of its makers', () => {
    const validate = new Ajv({ strict: false, meta: false, validateSchema: false, validateFormats: false }).compile(require('@asyncapi/specs/schemas/3.0.0.json') as object);
    const document = JSON.parse(readFileSync(`${root}docs/events/asyncapi.json`, 'utf8')) as Record<string, unknown>;
    expect({ valid: validate(document), errors: validate.errors }).toEqual({ valid: true, errors: null });
    expect(validate({ ...document, channels: { calls: { adress: 'calls' } } })).toBe(false);
  });
});

/** What a reader outside has: the published files and a plain client. */
class Outsider {
  readonly #registry: FileRegistry;
  readonly document: { readonly channels: Readonly<Record<string, { readonly address: string }>>; readonly components: { readonly schemas: { readonly Headers: { readonly required: readonly string[] } } } };

  constructor() {
    this.#registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, readFileSync(`${root}docs/events/descriptors.binpb`)));
    this.document = JSON.parse(readFileSync(`${root}docs/events/asyncapi.json`, 'utf8')) as Outsider['document'];
  }

  decode({ headers, value }: KafkaMessage): JsonValue {
    const type: DescMessage | undefined = this.#registry.getMessage(String(headers!['ce_type']));
    if (!type) throw new Error(`no published message ${String(headers!['ce_type'])}`);
    return toJson(type, fromBinary(type, value!), { registry: this.#registry });
  }
}

describe('a reader outside', () => {
  let broker: TestBroker;
  beforeAll(async () => {
    broker = await TestBroker.start();
  }, LONG_MS);
  afterAll(async () => broker.end());

  it('reads every topic with a plain client and the published files alone', async () => {
    const contracts = readEventContracts(`${root}proto`);
    const database = await startTestDatabase();
    const sql = createSql({ url: database.url, schema: 'shop' });
    const log = await createKafkaEventLog({ brokers: [broker.address], replicas: 1, clientId: 'reference', database: { url: database.url }, clock: systemClock, ids: systemIds(systemClock), logger: silentLogger });
    const kafka = new Kafka({ clientId: 'outsider', brokers: [broker.address], logLevel: logLevel.NOTHING });
    const consumer = kafka.consumer({ groupId: 'outsider' });
    try {
      const outsider = new Outsider();
      const channels = Object.values(outsider.document.channels).map(({ address }) => address);
      expect(channels.sort()).toEqual(contracts.topics.map(({ declared }) => declared.name).sort());

      const published = contracts.topics.filter(({ declared: { name } }) => !['calls', 'producer.beat', 'right.claim', 'topic.beat'].includes(name));
      const { AdminActedSchema, CallAbandonedSchema } = await import('@sluice/proto/events/v1/calls');
      const changes = await import('@sluice/proto/events/v1/changes');
      const schemas: readonly DescMessage[] = [AdminActedSchema, CallAbandonedSchema, changes.AccessChangedSchema, changes.RegistryChangedSchema, changes.FilterChangedSchema, changes.FilterHitsSchema];
      await sql.transaction(async (transaction) => {
        for (const topic of published) {
          const schema = schemas.find(({ typeName }) => typeName === topic.message.typeName)!;
          await log.publish(transaction, schema, 'org_2s8k4h', fromJson(schema, exampleOf(topic, contracts).message));
        }
        await log.beat(changes.AccessChangedSchema);
      });
      const witness = log.witness!('billing.book');
      expect(await witness.holds(12n)).toBe(true);
      await witness.stop();
      const epoch = await log.takeEpoch('gateway-1');
      await log.renewEpoch('gateway-1', epoch);
      const calls = contracts.topics.find(({ declared }) => declared.name === 'calls')!;
      await log.appendSegment({ producer: 'gateway-1', epoch, seq: 0n, bytes: exampleOf(calls, contracts).value });

      const seen = new Map<string, KafkaMessage>();
      await consumer.connect();
      await consumer.subscribe({ topics: channels, fromBeginning: true });
      const all = Promise.withResolvers<void>();
      await consumer.run({
        async eachMessage({ topic, message }) {
          if (String(message.headers!['ce_type']) === 'events.v1.EpochOpened') return;
          seen.set(topic, message);
          if (seen.size === channels.length) all.resolve();
        },
      });
      await all.promise;

      for (const [topic, message] of seen) {
        for (const name of outsider.document.components.schemas.Headers.required) expect({ topic, name, is: typeof message.headers![name]?.toString() }).toEqual({ topic, name, is: 'string' });
        expect(message.headers!['ce_partitionkey']!.toString()).toBe(message.key!.toString());
      }
      for (const topic of [...published, calls]) expect({ topic: topic.declared.name, message: outsider.decode(seen.get(topic.declared.name)!) }).toEqual({ topic: topic.declared.name, message: exampleOf(topic, contracts).message });
      expect(outsider.decode(seen.get('right.claim')!)).toEqual({ right: 'billing.book', term: '12' });
      expect(outsider.decode(seen.get('producer.beat')!)).toMatchObject({ producer: 'gateway-1', epoch: String(epoch) });
      expect(SegmentSchema.typeName).toBe(seen.get('calls')!.headers!['ce_type']!.toString());
    } finally {
      await consumer.disconnect();
      await log.stop();
      await sql.end();
      await database.stop();
    }
  }, LONG_MS);
});
