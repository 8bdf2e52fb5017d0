import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { setTimeout as pause } from 'node:timers/promises';
import { ConfigResourceTypes, Kafka, logLevel, type Admin } from 'kafkajs';
import { systemClock, systemIds } from '@sluice/clock';
import { ServiceError } from '@sluice/errors';
import { createKafkaEventLog, type KafkaEventLog } from '@sluice/events/kafka';
import { SegmentReading } from '@sluice/events/kafka-segments';
import { TestBroker } from '@sluice/stack/testing/broker';
import { silentLogger } from '@sluice/telemetry';

const LONG_MS = 240_000;
const GOES_ON_WITHIN_MS = 30_000;
const SEGMENTS = 40;
const RETRY_MS = 20;

const house = { clock: systemClock, ids: systemIds(systemClock), logger: silentLogger };
let brokers: readonly TestBroker[];
let log: KafkaEventLog;
let admin: Admin;

beforeAll(async () => {
  brokers = await TestBroker.startCluster();
  log = await createKafkaEventLog({ ...house, brokers: brokers.map(({ address }) => address), clientId: 'three' });
  admin = new Kafka({ brokers: brokers.map(({ address }) => address), clientId: 'plain', logLevel: logLevel.NOTHING }).admin();
  await admin.connect();
}, LONG_MS);
afterAll(async () => {
  await admin.disconnect();
  await log.stop();
  await Promise.all(brokers.map(async (broker) => broker.end()));
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

it('loses nothing that was acknowledged and goes on when the broker that leads is killed', async () => {
  const [topic] = (await admin.fetchTopicMetadata({ topics: ['calls'] })).topics;
  expect(new Set(topic!.partitions.map(({ replicas }) => replicas.length))).toEqual(new Set([3]));
  const { resources } = await admin.describeConfigs({ includeSynonyms: false, resources: [{ type: ConfigResourceTypes.TOPIC, name: 'calls', configNames: ['min.insync.replicas'] }] });
  expect(resources[0]!.configEntries[0]!.configValue).toBe('2');
  expect(log.health()).toEqual({ status: 'ok' });

  const appenders = ['one', 'two', 'three', 'four'].map((name) => new Appender(name));
  let isEnough = false;
  const running = Promise.all(appenders.map(async (appender) => appender.run(() => isEnough)));
  const reach = async (counts: readonly number[]): Promise<void> => {
    const deadlineMs = performance.now() + GOES_ON_WITHIN_MS;
    while (appenders.some(({ acknowledged }, index) => acknowledged < counts[index]!)) {
      if (performance.now() > deadlineMs) throw new Error(`appends stand still: ${appenders.map(({ acknowledged }) => acknowledged).join(', ')}`);
      await pause(RETRY_MS);
    }
  };
  try {
    await reach(appenders.map(() => SEGMENTS));
    const led = (await admin.fetchTopicOffsets('calls')).filter(({ high }) => BigInt(high) > 0n).map(({ partition }) => partition);
    const { leader } = topic!.partitions.find(({ partitionId }) => led.includes(partitionId))!;
    await brokers[leader - 1]!.stop('SIGKILL');
    await reach(appenders.map(({ acknowledged }) => acknowledged + SEGMENTS));
  } finally {
    isEnough = true;
    await running;
  }

  const read: string[] = [];
  await new SegmentReading({ ...house, brokers: brokers.map(({ address }) => address), signal: AbortSignal.timeout(LONG_MS) }).readOn((entries) => {
    read.push(...entries.map((entry) => (entry.kind === 'closed' ? 'closed' : `${entry.kind} ${Buffer.from(entry.segment.bytes).toString()}`)));
  });
  const written = appenders.flatMap(({ producer, acknowledged }) => Array.from({ length: acknowledged }, (_, seq) => `segment ${producer} ${seq}`));
  expect(read.toSorted()).toEqual(written.toSorted());
  // It was away for those that it led, and only away.
  expect([...new Set(appenders.flatMap(({ codes }) => [...codes]))]).toEqual(['audit_log_unavailable']);
}, LONG_MS);
