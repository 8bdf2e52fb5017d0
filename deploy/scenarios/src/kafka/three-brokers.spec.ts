import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { setTimeout as pause } from 'node:timers/promises';
import { ConfigResourceTypes, Kafka, logLevel, type Admin, type PartitionMetadata } from 'kafkajs';
import { systemClock, systemIds } from '@sluice/clock';
import { ServiceError } from '@sluice/errors';
import type { SegmentEntry } from '@sluice/events';
import { createKafkaEventLog, type KafkaEventLog } from '@sluice/events/kafka';
import { SegmentReading } from '@sluice/events/kafka-segments';
import { createSql, type SqlPool } from '@sluice/sql';
import { startTestDatabase, type TestDatabase } from '@sluice/sql/testing';
import { TestBroker } from '@sluice/stack/testing/broker';
import { silentLogger } from '@sluice/telemetry';

const LONG_MS = 240_000;
const GOES_ON_WITHIN_MS = 30_000;
const SEGMENTS = 40;
const RETRY_MS = 20;

const house = { clock: systemClock, ids: systemIds(systemClock), logger: silentLogger };
let brokers: readonly TestBroker[];
let database: TestDatabase;
let sql: SqlPool;
let log: KafkaEventLog;
let admin: Admin;

beforeAll(async () => {
  [brokers, database] = await Promise.all([TestBroker.startCluster(), startTestDatabase()]);
  sql = createSql({ url: database.url, schema: 'shop' });
  await sql.query('CREATE SCHEMA shop');
  await sql.query('CREATE TABLE effect (n bigserial PRIMARY KEY, producer text NOT NULL, what text NOT NULL)');
  log = await createKafkaEventLog({ ...house, brokers: brokers.map(({ address }) => address), clientId: 'three', database: { url: database.url } });
  admin = new Kafka({ brokers: brokers.map(({ address }) => address), clientId: 'plain', logLevel: logLevel.NOTHING }).admin();
  await admin.connect();
}, LONG_MS);
afterAll(async () => {
  await admin.disconnect();
  await log.stop();
  await sql.end();
  await Promise.all([database.stop(), ...brokers.map(async (broker) => broker.end())]);
}, LONG_MS);

/** A process of the data plane: it appends a segment again until it is told that it is durable. */
class Appender {
  readonly producer: string;
  readonly codes = new Set<string>();
  acknowledged = 0;
  #epoch = 0n;

  constructor(name: string) {
    this.producer = log.producerName(name);
  }

  async run(isEnough: () => boolean): Promise<void> {
    this.#epoch = await log.takeEpoch(this.producer);
    while (!isEnough()) {
      try {
        await log.appendSegment({ producer: this.producer, epoch: this.#epoch, seq: BigInt(this.acknowledged), bytes: Buffer.from(`${this.producer} ${this.acknowledged}`) });
        this.acknowledged++;
      } catch (thrown) {
        this.codes.add(ServiceError.from(thrown).code);
        await pause(RETRY_MS);
      }
    }
  }
}

const asText = (entry: SegmentEntry): string => (entry.kind === 'closed' ? 'closed' : `${entry.kind} ${Buffer.from(entry.segment.bytes).toString()}`);

/** A group that writes down what it handles, in the transaction that it is given. */
const subscribe = (consumer: string): void => void log.subscribeSegments(consumer, async (transaction, entries) => {
  const producers = entries.map((entry) => (entry.kind === 'closed' ? entry.producer : entry.segment.producer));
  await transaction.query('INSERT INTO effect (producer, what) SELECT * FROM unnest($1::text[], $2::text[])', [producers, entries.map(asText)]);
});

/** What was handled of a producer, in the order in which it was. */
const handled = async (producer: string): Promise<string[]> => (await sql.query<{ what: string }>('SELECT what FROM effect WHERE producer = $1 ORDER BY n', [producer])).map(({ what }) => what);

const partitionsOf = async (topic: string): Promise<PartitionMetadata[]> => (await admin.fetchTopicMetadata({ topics: [topic] })).topics[0]!.partitions;

/** A consumer whose group has this broker for its coordinator: the leader of the partition that the group's name, by the hash of Java, is kept in. */
async function consumerCoordinatedBy(broker: number): Promise<string> {
  const offsets = await partitionsOf('__consumer_offsets');
  const hashOf = (text: string): number => [...text].reduce((hash, character) => (Math.imul(hash, 31) + character.charCodeAt(0)) | 0, 0) & 0x7fff_ffff;
  const names = offsets.map((_, index) => `shop.reader${index}`);
  return names.find((name) => offsets.find(({ partitionId }) => partitionId === hashOf(`${name}.calls`) % offsets.length)!.leader === broker)!;
}

it('loses nothing that was acknowledged and goes on when the broker that leads is killed; so does a group that it coordinates, and handles nothing twice', async () => {
  const partitions = await partitionsOf('calls');
  expect(new Set(partitions.map(({ replicas }) => replicas.length))).toEqual(new Set([3]));
  const { resources } = await admin.describeConfigs({ includeSynonyms: false, resources: [{ type: ConfigResourceTypes.TOPIC, name: 'calls', configNames: ['min.insync.replicas'] }] });
  expect(resources[0]!.configEntries[0]!.configValue).toBe('2');
  expect(log.health()).toEqual({ status: 'ok' });

  const appenders = ['one', 'two', 'three', 'four'].map((name) => new Appender(name));
  let isEnough = false;
  const running = Promise.all(appenders.map(async (appender) => appender.run(() => isEnough)));
  const within = async (stateNow: () => string, isSo: () => boolean | Promise<boolean>): Promise<void> => {
    for (const deadlineMs = performance.now() + GOES_ON_WITHIN_MS; !(await isSo()); await pause(RETRY_MS)) if (performance.now() > deadlineMs) throw new Error(`stands still: ${stateNow()}`);
  };
  const appendMore = async (): Promise<void> => {
    const counts = appenders.map(({ acknowledged }) => acknowledged + SEGMENTS);
    await within(() => `appends ${appenders.map(({ acknowledged }) => acknowledged).join(', ')}`, () => appenders.every(({ acknowledged }, index) => acknowledged >= counts[index]!));
  };
  /** The group comes to what is acknowledged by now. */
  const readOn = async (): Promise<void> => {
    for (const { producer, acknowledged } of appenders) await within(() => `the group, before ${acknowledged} of ${producer}`, async () => (await handled(producer)).length >= acknowledged);
  };
  try {
    await appendMore();
    const led = (await admin.fetchTopicOffsets('calls')).filter(({ high }) => BigInt(high) > 0n).map(({ partition }) => partition);
    const { leader } = partitions.find(({ partitionId }) => led.includes(partitionId))!;
    subscribe(await consumerCoordinatedBy(leader));
    await readOn();
    await brokers[leader - 1]!.stop('SIGKILL');
    await appendMore();
    await readOn();
  } finally {
    isEnough = true;
    await running;
  }

  const read: string[] = [];
  await new SegmentReading({ ...house, brokers: brokers.map(({ address }) => address), signal: AbortSignal.timeout(LONG_MS) }).readOn((entries) => void read.push(...entries.map(asText)));
  const written = appenders.map(({ producer, acknowledged }) => Array.from({ length: acknowledged }, (_, seq) => `segment ${producer} ${seq}`));
  expect(read.toSorted()).toEqual(written.flat().toSorted());
  await readOn();
  expect(await Promise.all(appenders.map(async ({ producer }) => handled(producer)))).toEqual(written);
  // It was away for those that it led, and only away.
  expect([...new Set(appenders.flatMap(({ codes }) => [...codes]))]).toEqual(['audit_log_unavailable']);
}, LONG_MS);
