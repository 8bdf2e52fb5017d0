import { createRequire } from 'node:module';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { fromJson, type DescMessage } from '@bufbuild/protobuf';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { systemClock, systemIds, type Clock } from '@sluice/clock';
import { ServiceError } from '@sluice/errors';
import { createKafkaEventLog } from '@sluice/events/kafka';
import { SegmentSchema } from '@sluice/proto/events/v1/calls';
import { createSql } from '@sluice/sql';
import { startTestDatabase } from '@sluice/sql/testing';
import { TestBroker } from '@sluice/stack/testing/broker';
import { silentLogger } from '@sluice/telemetry';
import { OutsideReader } from '@sluice/testkit/outside-reader';
import { Ajv } from 'ajv';
import type { KafkaMessage } from 'kafkajs';
import { exampleOf } from './example-record.ts';
import { readEventContracts } from './event-topics.ts';
import { BARE_RECORDS } from './headers.ts';
import { writtenFiles } from './written-files.ts';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const LONG_MS = 240_000;
/** What is in the outbox is on its way. */
const READS = 20;
const require = createRequire(import.meta.url);
/** What is tried again later and later need not be waited for; longer waits are limits. */
const hurriedClock: Clock = { ...systemClock, after: (delayMs, run) => systemClock.after(delayMs > 3_500 ? delayMs : delayMs / 10, run) };

describe('the reference of the events', () => {
  it('is what its writer writes now', () => {
    const files = writtenFiles(root);
    expect(files.size).toBe(4);
    for (const [path, content] of files) expect({ path, same: readFileSync(root + path).equals(Buffer.from(content)) }).toEqual({ path, same: true });
  });

  it('is an AsyncAPI 3.0 document, by the schema of its makers', () => {
    const validate = new Ajv({ strict: false, meta: false, validateSchema: false, validateFormats: false }).compile(require('@asyncapi/specs/schemas/3.0.0.json') as object);
    const document = JSON.parse(readFileSync(`${root}docs/events/asyncapi.json`, 'utf8')) as Record<string, unknown>;
    expect({ valid: validate(document), errors: validate.errors }).toEqual({ valid: true, errors: null });
    expect(validate({ ...document, channels: { calls: { adress: 'calls' } } })).toBe(false);
  });
});

describe('a reader outside', () => {
  let broker: TestBroker;
  beforeAll(async () => {
    broker = await TestBroker.start();
  }, LONG_MS);
  afterAll(async () => broker.end());

  it('reads every record of every topic with a plain client and the published files alone', async () => {
    const contracts = readEventContracts(`${root}proto`);
    const database = await startTestDatabase();
    const sql = createSql({ url: database.url, schema: 'shop' });
    const log = await createKafkaEventLog({ brokers: [broker.address], replicas: 1, clientId: 'reference', database: { url: database.url }, clock: hurriedClock, ids: systemIds(systemClock), logger: silentLogger });
    try {
      const outsider = new OutsideReader(root);
      const { channels } = outsider;
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

      // Who watches over producers, an epoch that ends, and a record that nobody can handle.
      await log.openEpochs();
      await log.closeEpoch('gateway-1', epoch);
      const refusing = log.subscribe(AdminActedSchema, 'shop', () => Promise.reject(new ServiceError('failed_precondition', 'not yet')));
      await refusing.caughtUp();

      const isWhole = (records: readonly { readonly topic: string }[]): boolean => [...channels, 'admin.acted.dlq'].every((name) => records.some(({ topic }) => topic === name));
      let records = await outsider.readAll([broker.address]);
      for (let again = 0; again < READS && !isWhole(records); again++) records = await outsider.readAll([broker.address]);
      expect([isWhole(records), records.flatMap((record) => outsider.faultsOf(record))]).toEqual([true, []]);
      const bare = BARE_RECORDS.map(({ type }) => type);
      const typeOf = (message: KafkaMessage): string => String(message.headers!['ce_type']);
      expect(bare.filter((type) => !records.some(({ message }) => typeOf(message) === type))).toEqual([]);
      const seen = new Map(records.filter(({ message }) => !bare.includes(typeOf(message))).map(({ topic, message }) => [topic, message]));
      // It would see what is not published.
      const { message } = records.find(({ topic }) => topic === 'right.claim')!;
      expect(outsider.faultsOf({ topic: 'right.claim', message: { ...message, headers: { ...message.headers, ce_new: 'x', ce_source: '/elsewhere/x' }, value: null } as KafkaMessage })).toEqual([
        'right.claim events.v1.RightClaim: ce_new is not published', 'right.claim events.v1.RightClaim: ce_source /elsewhere/x', expect.stringMatching('its value cannot be read'),
      ]);
      expect(outsider.faultsOf({ topic: 'producer.beat', message: { ...message, key: Buffer.alloc(0), headers: { 'x-probe': 'p' }, value: null } as KafkaMessage })).toContain('producer.beat : no ce_type');

      for (const topic of [...published, calls]) expect({ topic: topic.declared.name, message: outsider.decode(seen.get(topic.declared.name)!) }).toEqual({ topic: topic.declared.name, message: exampleOf(topic, contracts).message });
      expect(outsider.decode(seen.get('right.claim')!)).toEqual({ right: 'billing.book', term: '12' });
      expect(outsider.decode(seen.get('producer.beat')!)).toMatchObject({ producer: 'gateway-1', epoch: String(epoch), closed: true });
      expect(SegmentSchema.typeName).toBe(seen.get('calls')!.headers!['ce_type']!.toString());
    } finally {
      await log.stop();
      await sql.end();
      await database.stop();
    }
  }, LONG_MS);
});
