import { afterAll, afterEach, beforeAll, expect, it } from '@jest/globals';
import { systemClock, systemIds } from '@sluice/clock';
import { createKafkaEventLog, type KafkaEventLog } from '@sluice/events/kafka';
import { AdminActedSchema, CallAbandonedSchema } from '@sluice/proto/events/v1/calls';
import { AccessChangedSchema, FilterChangedSchema } from '@sluice/proto/events/v1/changes';
import { startTestDatabase, type TestDatabase } from '@sluice/sql/testing';
import { TestBroker } from '@sluice/stack/testing/broker';
import { silentLogger } from '@sluice/telemetry';
import { rewriteBrokers, type Broker } from './kafka-addresses.ts';
import { TcpProxy } from './tcp-proxy.ts';

const LONG_MS = 240_000;
/** `libs/events/README.md`: of the log, and of one reader. A busy machine adds to both. */
const LOG_ENDS_WITHIN_MS = 10_000;
const READER_ENDS_WITHIN_MS = 4_000;
const PRODUCERS = Array.from({ length: 24 }, (_, index) => `p${index}`);

let brokers: readonly TestBroker[];
let database: TestDatabase;
const proxies: TcpProxy[] = [];
/** By proxy, the connections that were made. */
const made: number[] = [];
const logs: KafkaEventLog[] = [];

beforeAll(async () => {
  [brokers, database] = await Promise.all([TestBroker.startCluster(), startTestDatabase()]);
  const places: Broker[] = [];
  for (const [index, { address }] of brokers.entries()) {
    const [host, port] = [address.slice(0, address.lastIndexOf(':')), Number(address.slice(address.lastIndexOf(':') + 1))];
    made.push(0);
    const changeAnswers = (): ReturnType<typeof rewriteBrokers> => {
      made[index]!++;
      return rewriteBrokers(places);
    };
    proxies.push(await TcpProxy.open({ host, port, changeAnswers }));
    places.push({ host, port, proxyPort: proxies[index]!.port });
  }
}, LONG_MS);
afterEach(async () => {
  proxies.forEach((proxy) => proxy.heal());
  await Promise.all(logs.splice(0).map((log) => log.stop()));
}, LONG_MS);
afterAll(async () => {
  await Promise.all([...proxies.map((proxy) => proxy[Symbol.asyncDispose]()), ...brokers.map((broker) => broker.end()), database.stop()]);
});

async function open(more: { readonly database?: { readonly url: string } } = {}): Promise<KafkaEventLog> {
  const log = await createKafkaEventLog({ brokers: proxies.map(({ port }) => `127.0.0.1:${port}`), clientId: 'half-open', clock: systemClock, ids: systemIds(systemClock), logger: silentLogger, ...more });
  logs.push(log);
  return log;
}

const elapsedMs = async (work: Promise<unknown>): Promise<number> => {
  const startedMs = performance.now();
  await work;
  return performance.now() - startedMs;
};

it('makes the connections to a broker anew that did not answer, and leaves those to the others as they are', async () => {
  const log = await open();
  const epochs = new Map<string, bigint>();
  for (const producer of PRODUCERS) epochs.set(producer, await log.takeEpoch(producer));
  /** Each to the broker that leads its partition. */
  const append = async (seq: bigint): Promise<string[]> => {
    const unknown: string[] = [];
    for (const producer of PRODUCERS) {
      const segment = { producer, epoch: epochs.get(producer)!, seq, bytes: Buffer.from(`${producer} ${seq}`) };
      await log.appendSegment(segment).catch(() => {
        unknown.push(producer);
        return log.appendSegment(segment);
      });
    }
    return unknown;
  };
  expect(await append(0n)).toEqual([]);
  const before = [...made];
  proxies[1]!.halfOpen();
  proxies[1]!.heal();
  expect(await append(1n)).toHaveLength(1);
  expect([made[0]! - before[0]!, made[1]! > before[1]!, made[2]! - before[2]!]).toEqual([0, true, 0]);
}, LONG_MS);

it('ends in its time when Kafka is half open, whatever it does', async () => {
  const [data, owner] = [await open(), await open({ database })];
  const name = data.producerName('p');
  await data.appendSegment({ producer: name, epoch: await data.takeEpoch(name), seq: 0n, bytes: Buffer.from('x') });
  const follower = { onRecord: () => undefined, onBeat: () => undefined };
  const following = [data.follow(AccessChangedSchema, 0n, follower), data.follow(FilterChangedSchema, 0n, follower)];
  const reading = [owner.subscribe(AdminActedSchema, 'shop', async () => undefined), owner.subscribe(CallAbandonedSchema, 'shop', async () => undefined), owner.subscribeSegments('shop', async () => undefined)];
  const witness = owner.witness!('right');
  await Promise.all([...following, ...reading].map((one) => one.caughtUp()));
  await Promise.all([owner.openEpochs(), witness.holds(1n)]);
  proxies.forEach((proxy) => proxy.halfOpen());
  // One that has begun when nobody answers any more.
  const late = data.follow(AdminActedSchema, 0n, follower);
  const asking = Promise.allSettled([owner.openEpochs(), data.renewEpoch(name, 1n), owner.prune(Date.now())]);
  for (const part of [late, following[0]!, reading[0]!, witness]) expect(await elapsedMs(part.stop())).toBeLessThan(READER_ENDS_WITHIN_MS);
  for (const log of logs.splice(0)) expect(await elapsedMs(log.stop())).toBeLessThan(LOG_ENDS_WITHIN_MS);
  expect(new Set((await asking).map(({ status }) => status))).toEqual(new Set(['rejected']));
}, LONG_MS);
