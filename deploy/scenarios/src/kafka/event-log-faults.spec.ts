import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { execFileSync } from 'node:child_process';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { ConfigResourceTypes, Kafka, logLevel, PartitionAssigners, Partitioners, type Message } from 'kafkajs';
import { systemClock, systemIds } from '@sluice/clock';
import { ServiceError } from '@sluice/errors';
import { createKafkaEventLog, type KafkaEventLog } from '@sluice/events/kafka';
import { AdminActedSchema } from '@sluice/proto/events/v1/calls';
import { createSql, type SqlPool, type SqlTransaction } from '@sluice/sql';
import { startTestDatabase, type TestDatabase } from '@sluice/sql/testing';
import { TestBroker } from '@sluice/stack/testing/broker';
import { silentLogger, type Logger } from '@sluice/telemetry';

const LONG_MS = 400_000;
const POLLS = 6_000;
const DAY_MS = 86_400_000;
/** So small that PostgreSQL computes with its multiples. */
const CHAIN_PRIME = 2n ** 31n - 1n;
const EVENTS = 100_000;
const PART = 0.05;

let broker: TestBroker;
let database: TestDatabase;
let sql: SqlPool;
let plain: Kafka;
let worlds = 0;
/** Topics that no other test uses. */
let prefix: string;
let logs: KafkaEventLog[];
/** What the processes said as warnings. */
let warnings: string[];

const open = async (withDatabase = true): Promise<KafkaEventLog> => {
  const logger: Logger = { ...silentLogger, warn: (_fields, message) => void warnings.push(message) };
  const log = await createKafkaEventLog({
    brokers: [broker.address], replicas: 1, clientId: 'faults', topicPrefix: prefix, clock: systemClock, ids: systemIds(systemClock), logger, ...(withDatabase && { database: { url: database.url } }),
  });
  logs.push(log);
  return log;
};
const act = (id: string) => create(AdminActedSchema, { id, organisationId: 'org' });
const publish = (log: KafkaEventLog, id: string): Promise<void> => sql.transaction((transaction) => log.publish(transaction, AdminActedSchema, 'org', act(id)));
const note = (transaction: SqlTransaction, what: readonly string[]): Promise<void> => transaction.query('INSERT INTO effect (what) SELECT * FROM unnest($1::text[])', [what]).then(() => undefined);
const effects = async (): Promise<string[]> => (await sql.query<{ what: string }>('SELECT what FROM effect ORDER BY n')).map(({ what }) => what);
const until = async (isSo: () => boolean | Promise<boolean>): Promise<void> => {
  for (let poll = 0; poll < POLLS; poll++) {
    if (await isSo()) return;
    await pause(10);
  }
  throw new Error('it did not come to pass');
};
/** Every record of a topic, by a consumer that knows nothing of Sluice. */
const readTopic = async (topic: string, count: number): Promise<{ readonly key: string; readonly headers: Record<string, string>; readonly value: Buffer }[]> => {
  const consumer = plain.consumer({ groupId: `${prefix}plain-${topic}`, maxWaitTimeInMs: 200 });
  const seen: { key: string; headers: Record<string, string>; value: Buffer }[] = [];
  await consumer.connect();
  await consumer.subscribe({ topic: prefix + topic, fromBeginning: true });
  await consumer.run({ eachMessage: async ({ message }) => {
    const headers = Object.fromEntries(Object.entries(message.headers ?? {}).map(([name, value]) => [name, String(value)]));
    seen.push({ key: String(message.key), headers, value: message.value! });
  } });
  await until(() => seen.length >= count);
  await consumer.disconnect();
  return seen;
};

beforeAll(async () => {
  [broker, database] = await Promise.all([TestBroker.start(), startTestDatabase()]);
  plain = new Kafka({ brokers: [broker.address], clientId: 'plain', logLevel: logLevel.NOTHING });
  sql = createSql({ url: database.url, schema: 'shop' });
  await sql.query('CREATE SCHEMA shop');
  await sql.query('CREATE TABLE effect (n bigserial PRIMARY KEY, what text NOT NULL)');
}, LONG_MS);
beforeEach(async () => {
  prefix = `faults-${worlds++}.`;
  [logs, warnings] = [[], []];
  await sql.query('TRUNCATE effect');
  // Positions count from 1 in topics that are new.
  if (worlds > 1) await sql.query('TRUNCATE events.topic, events.record, events.relay, events.relay_mark, events.kafka_cursor, events.kafka_epoch, events.dead_letter');
});
afterEach(async () => void (await Promise.all(logs.map((log) => log.stop()))), LONG_MS);
afterAll(async () => {
  await sql.end();
  await Promise.all([database.stop(), broker.end()]);
});

describe('the event log on Kafka', () => {
  it('has the same state in the end whatever comes twice or out of its order', async () => {
    const log = await open();
    const dice = mulberry(7);
    const order = Array.from({ length: EVENTS }, (_, index) => index + 1);
    const sent: number[] = [];
    for (let at = 0; at < order.length; at++) {
      // A record changes places with one at most 50 behind it; another is sent again, at once or much later.
      if (dice() < PART) {
        const other = Math.min(order.length - 1, at + Math.floor(dice() * 50));
        [order[at], order[other]] = [order[other]!, order[at]!];
      }
      sent.push(order[at]!);
      if (dice() < PART) sent.push(order[Math.floor(dice() * (at + 1))]!);
    }
    expect(sent.length).toBeGreaterThan(EVENTS * 1.04);
    const producer = plain.producer({ createPartitioner: Partitioners.DefaultPartitioner });
    await producer.connect();
    for (let from = 0; from < sent.length; from += 2_000) await producer.send({ topic: `${prefix}admin.acted`, messages: sent.slice(from, from + 2_000).map(recordOf) });
    await producer.disconnect();
    await sql.query("INSERT INTO events.topic (name, head, retention_days) VALUES ('admin.acted', $1, 7)", [EVENTS]);
    // The state is a row that depends on the order: a chain over everything that was handled, and how often that was.
    await sql.query('CREATE TABLE state AS SELECT 0::int8 AS chain, 0 AS handled');
    const failing = new Set([0.2, 0.5, 0.8].map((part) => `act ${Math.floor(EVENTS * part)}`));
    const handle = async (transaction: SqlTransaction, { position, message: { id } }: { readonly position: bigint; readonly message: { readonly id: string } }): Promise<void> => {
      await transaction.query('UPDATE state SET chain = (chain * 31 + $1) % $2, handled = handled + 1', [stepOf(position, id), CHAIN_PRIME]);
      // Behind its effect, so that this and all of its batch must go away with it.
      if (failing.delete(id)) throw new Error('a fault that passes');
    };
    const state = async (): Promise<{ chain: bigint; handled: number }> => (await sql.query<{ chain: bigint; handled: number }>('SELECT chain, handled FROM state'))[0]!;
    const subscription = log.subscribe(AdminActedSchema, 'shop.state', handle);
    // A second member joins in the middle and goes again, so that the partition changes hands.
    await until(async () => (await state()).handled > EVENTS * 0.3);
    const second = await open();
    second.subscribe(AdminActedSchema, 'shop.state', handle);
    await until(async () => (await state()).handled > EVENTS * 0.6);
    logs.splice(logs.indexOf(second), 1);
    await second.stop();
    await subscription.caughtUp();
    let expected = 0n;
    for (let position = 1; position <= EVENTS; position++) expected = (expected * 31n + stepOf(BigInt(position), `act ${position}`)) % CHAIN_PRIME;
    expect([await state(), failing.size]).toEqual([{ chain: expected, handled: EVENTS }, 0]);
  }, LONG_MS);

  it('does nothing twice and leaves nothing out when a process joins while a batch is under way, and when it goes', async () => {
    const [one, two] = [await open(), await open()];
    const entered = Promise.withResolvers<void>();
    const gate = Promise.withResolvers<void>();
    const handle = async (transaction: SqlTransaction, { message }: { readonly message: { readonly id: string } }): Promise<void> => {
      await note(transaction, [message.id]);
      if (message.id === 'act 5') {
        entered.resolve();
        await gate.promise;
      }
    };
    const ids = Array.from({ length: 40 }, (_, index) => `act ${index}`);
    const first = one.subscribe(AdminActedSchema, 'shop.rebalance', handle);
    for (const id of ids.slice(0, 20)) await publish(one, id);
    await entered.promise;
    const second = two.subscribe(AdminActedSchema, 'shop.rebalance', handle);
    // The other one has joined when it has taken over: then the first one's batch must come to nothing.
    const admin = plain.admin();
    await admin.connect();
    await until(async () => (await admin.describeGroups([`${prefix}shop.rebalance.admin.acted`])).groups[0]!.members.length > 0);
    await admin.disconnect();
    gate.resolve();
    for (const id of ids.slice(20)) await publish(two, id);
    await second.caughtUp();
    await first.stop();
    await second.caughtUp();
    expect(await effects()).toEqual(ids);
  }, LONG_MS);

  it('lets nothing be done by who has lost a partition without noticing, until it has taken it over again', async () => {
    const log = await open();
    const subscription = log.subscribe(AdminActedSchema, 'shop.zombie', (transaction, { message }) => note(transaction, [message.id]));
    await publish(log, 'a');
    await subscription.caughtUp();
    await sql.query("UPDATE events.kafka_cursor SET owner = owner + 1 WHERE consumer = 'shop.zombie'");
    const [before] = await sql.query<{ owner: bigint }>("SELECT owner FROM events.kafka_cursor WHERE consumer = 'shop.zombie'");
    await publish(log, 'b');
    await subscription.caughtUp();
    const [after] = await sql.query<{ owner: bigint }>("SELECT owner FROM events.kafka_cursor WHERE consumer = 'shop.zombie'");
    expect([await effects(), after!.owner]).toEqual([['a', 'b'], before!.owner + 1n]);
  }, LONG_MS);

  it('does not take a producer for silent whose epoch it knows and whose first beat is on its way', async () => {
    const watcher = await open();
    const watching = watcher.subscribeSegments('shop', async () => undefined);
    await watcher.openEpochs();
    const listeningMs = performance.now();
    await until(() => performance.now() > listeningMs + 300);
    const openedMs = performance.now();
    const taker = plain.producer({ createPartitioner: Partitioners.DefaultPartitioner });
    await taker.connect();
    await taker.send({ topic: `${prefix}calls`, messages: [{ key: 'young', value: '', headers: { ce_type: 'events.v1.EpochOpened', ce_taker: 'one', ce_take: '1' } }] });
    await taker.disconnect();
    await watching.caughtUp();
    const silentMs = async (): Promise<number> => (await watcher.openEpochs()).find(({ producer }) => producer === 'young')!.silentMs;
    const atFirstMs = await silentMs();
    expect(atFirstMs).toBeLessThanOrEqual(performance.now() - openedMs);
    // From then on it counts.
    await until(async () => (await silentMs()) > atFirstMs + 50);
  }, LONG_MS);

  it('knows at once that a run of a process is over when the next one says that it is the only one, and of nobody else', async () => {
    const [watcher, former, neighbour] = [await open(), await open(false), await open(false)];
    const watching = watcher.subscribeSegments('shop', async () => undefined);
    const left = former.producerName('p', true);
    const [epoch, others] = [await former.takeEpoch(left), await neighbour.takeEpoch(neighbour.producerName('p2', true))];
    const replaced = async (): Promise<unknown[]> => (await watcher.openEpochs()).filter(({ isReplaced }) => isReplaced).map((open) => [open.producer, open.epoch]);
    await watching.caughtUp();
    expect([others > 0n, await replaced()]).toEqual([true, []]);
    const careful = await open(false);
    await careful.takeEpoch(careful.producerName('p'));
    expect(await replaced()).toEqual([]);
    const next = await open(false);
    await next.takeEpoch(next.producerName('p', true));
    expect(await replaced()).toContainEqual([left, epoch]);
    // It lives, against what was said: only its silence counts then.
    await former.renewEpoch(left, epoch);
    expect(await replaced()).not.toContainEqual([left, epoch]);
  }, LONG_MS);

  it('builds a consumer anew that the driver gives up for good', async () => {
    const log = await open();
    // Somebody in the group speaks another protocol, so nobody else can join: an error that the driver does not try again.
    const alien = plain.consumer({ groupId: `${prefix}shop.rebuilt.admin.acted`, partitionAssigners: [(configuration) => ({ ...PartitionAssigners.roundRobin(configuration), name: 'alien', protocol: () => ({ name: 'alien', metadata: Buffer.alloc(0) }) })] });
    const joined = new Promise((resolve) => alien.on(alien.events.GROUP_JOIN, resolve));
    await alien.connect();
    await alien.subscribe({ topic: `${prefix}filter.hits` });
    await alien.run({ eachMessage: async () => undefined });
    await joined;
    await publish(log, 'a');
    const subscription = log.subscribe(AdminActedSchema, 'shop.rebuilt', (transaction, { message }) => note(transaction, [message.id]));
    await until(() => warnings.includes('a consumer of Kafka ended and is built anew'));
    await alien.disconnect();
    await subscription.caughtUp();
    expect(await effects()).toEqual(['a']);
  }, LONG_MS);

  it('goes on by itself after the broker was killed and started again, and has lost and doubled nothing', async () => {
    const log = await open();
    const data = await open(false);
    let running = true;
    const [acknowledged, failures] = [new Map<string, number>(), new Set<string>()];
    const segments = log.subscribeSegments('shop', (transaction, entries) => note(transaction, entries.map((entry) => entry.kind === 'closed' ? 'closed' : `${entry.kind} ${entry.segment.producer} ${entry.segment.seq}`)));
    const acts = log.subscribe(AdminActedSchema, 'shop', (transaction, { message }) => note(transaction, [message.id]));
    const produce = async (producer: string): Promise<void> => {
      const epoch = await data.takeEpoch(producer);
      for (let seq = 0; running;) {
        try {
          await data.appendSegment({ producer, epoch, seq: BigInt(seq), bytes: Buffer.from(`${producer} ${seq}`) });
          acknowledged.set(producer, seq++);
        } catch (thrown) {
          failures.add(ServiceError.from(thrown).code);
          await pause(20);
        }
      }
    };
    const published: string[] = [];
    const publishAll = async (): Promise<void> => {
      for (let n = 0; running; n++) {
        await publish(log, `act ${n}`).then(() => published.push(`act ${n}`));
        await pause(5);
      }
    };
    const load = Promise.all([publishAll(), produce('p0'), produce('p1')]);
    const total = (): number => [...acknowledged.values()].reduce((sum, count) => sum + count, 0);
    const goesOn = async (): Promise<void> => {
      const wanted = total() + 40;
      await until(() => total() >= wanted);
    };
    await goesOn();
    await until(async () => (await effects()).length > 10);
    await broker.stop('SIGKILL');
    await broker.startAgain();
    await goesOn();
    running = false;
    await load;
    await Promise.all([segments.caughtUp(), acts.caughtUp()]);
    expect([...failures].filter((code) => code !== 'audit_log_unavailable')).toEqual([]);
    const rows = await effects();
    for (const [producer, last] of acknowledged) {
      expect(rows.filter((what) => what.startsWith(`segment ${producer} `))).toEqual(Array.from({ length: last + 1 }, (_, seq) => `segment ${producer} ${seq}`));
    }
    expect(rows.filter((what) => what.startsWith('late'))).toEqual([]);
    expect(rows.filter((what) => what.startsWith('act '))).toEqual(published);
  }, LONG_MS);

  it('shows how far a consumer that stands still is behind, in every process that hosts it, and says why', async () => {
    const [log, other] = [await open(), await open()];
    const producer = log.producerName('p');
    const epoch = await log.takeEpoch(producer);
    for (let seq = 0n; seq < 3n; seq++) await log.appendSegment({ producer, epoch, seq, bytes: Buffer.from('x') });
    const failing = [log, other].map((one) => one.subscribeSegments('shop.fails', () => Promise.reject(new ServiceError('failed_precondition', 'Its tables are gone.'))));
    // Another one has read more than there is.
    await publish(log, 'a');
    const before = log.subscribe(AdminActedSchema, 'shop.ahead', async () => undefined);
    await before.caughtUp();
    await before.stop();
    await sql.query("UPDATE events.kafka_cursor SET next_offset = 1000 WHERE consumer = 'shop.ahead'");
    log.subscribe(AdminActedSchema, 'shop.ahead', async () => undefined);
    // The record that opens the epoch, and three segments.
    await until(() => failing.every((one) => one.lag() === 4));
    const said = (): string => logs.map((one) => one.health().detail).join(' ');
    await until(() => said().includes('shop.fails < calls does not go on: Its tables are gone.') && said().includes('shop.ahead < admin.acted does not go on: Kafka has not the offset 1000'));
  }, LONG_MS);

  it('forgets the names of processes that ended long ago, and no name that has an open epoch', async () => {
    const log = await open();
    const subscription = log.subscribeSegments('shop.names', async () => undefined);
    const [ended, running] = ['ended', 'running'].map((name) => log.producerName(name)) as [string, string];
    await log.takeEpoch(running);
    await log.closeEpoch(ended, await log.takeEpoch(ended));
    await subscription.caughtUp();
    const names = async (): Promise<string[]> => (await sql.query<{ producer: string }>("SELECT producer FROM events.kafka_epoch WHERE consumer = 'shop.names' ORDER BY producer")).map(({ producer }) => producer);
    await log.prune(Date.now() + 8 * DAY_MS);
    expect(await names()).toEqual([ended, running]);
    await log.prune(Date.now() + 40 * DAY_MS);
    expect(await names()).toEqual([running]);
  }, LONG_MS);

  it('keeps what cannot be handled in a topic of dead letters too, as it was and why', async () => {
    const log = await open();
    let isHealed = false;
    const subscription = log.subscribe(AdminActedSchema, 'shop.letters', async (transaction, { message }) => {
      if (message.id === 'bad' && !isHealed) throw new ServiceError('failed_precondition', 'not yet');
      await note(transaction, [message.id]);
    });
    for (const id of ['x', 'bad', 'y']) await publish(log, id);
    await subscription.caughtUp();
    const [letter] = await readTopic('admin.acted.dlq', 1);
    expect(letter).toMatchObject({ key: 'org', headers: {
      'x-error': 'failed_precondition', 'x-attempts': '8', 'x-consumer': 'shop.letters', 'x-origin-topic': 'admin.acted', 'x-origin-partition': '0', 'x-origin-offset': '1',
      ce_id: '2', ce_source: '/topics/admin.acted', ce_type: 'events.v1.AdminActed', ce_sequence: '00000000000000000002',
    } });
    expect(fromBinary(AdminActedSchema, letter!.value).id).toBe('bad');
    isHealed = true;
    expect(await log.replayDeadLetters(AdminActedSchema, 'shop.letters')).toBe(1);
    await subscription.caughtUp();
    expect(await effects()).toEqual(['x', 'y', 'bad']);
  }, LONG_MS);

  it('is read by any consumer of CloudEvents', async () => {
    const log = await open();
    await publish(log, 'first');
    const epoch = await log.takeEpoch('gateway-1');
    await log.appendSegment({ producer: 'gateway-1', epoch, seq: 0n, bytes: Buffer.from('bytes') });
    const [published] = await readTopic('admin.acted', 1);
    expect(published).toMatchObject({ key: 'org', headers: {
      'content-type': 'application/protobuf', ce_specversion: '1.0', ce_id: '1', ce_source: '/topics/admin.acted', ce_type: 'events.v1.AdminActed', ce_partitionkey: 'org', ce_sequence: '00000000000000000001',
      ce_time: expect.stringMatching(/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z$/),
    } });
    expect(Buffer.compare(published!.value, toBinary(AdminActedSchema, act('first')))).toBe(0);
    const [opened, segment] = await readTopic('calls', 2);
    expect(opened).toMatchObject({ key: 'gateway-1', headers: { ce_type: 'events.v1.EpochOpened' } });
    expect(segment).toMatchObject({ key: 'gateway-1', headers: { ce_type: 'events.v1.Segment', ce_id: `${epoch}/0`, ce_source: '/producers/gateway-1', ce_epoch: String(epoch), ce_sequence: '0' } });
  }, LONG_MS);

  it('is loaded by Node itself, which sees less of a CommonJS module than a test does', () => {
    const words = ['--conditions=@sluice/source', '--import', './deploy/host/source-loader.mjs', '--input-type=module', '--eval', "console.log(typeof (await import('@sluice/events/kafka')).createKafkaEventLog)"];
    expect(execFileSync(process.execPath, words, { cwd: fileURLToPath(new URL('../../../..', import.meta.url)), encoding: 'utf8' })).toBe('function\n');
  });

  it('makes its topics as they are declared, mends their settings, and says when one is otherwise', async () => {
    await open();
    const admin = plain.admin();
    await admin.connect();
    const { topics } = await admin.fetchTopicMetadata({ topics: [`${prefix}calls`, `${prefix}access.changed`] });
    expect(Object.fromEntries(topics.map(({ name, partitions }) => [name, partitions.length]))).toEqual({ [`${prefix}calls`]: 12, [`${prefix}access.changed`]: 1 });
    const topic = { type: ConfigResourceTypes.TOPIC, name: `${prefix}calls` };
    await admin.alterConfigs({ validateOnly: false, resources: [{ ...topic, configEntries: [{ name: 'retention.ms', value: '1000' }] }] });
    await open();
    const { resources } = await admin.describeConfigs({ includeSynonyms: false, resources: [{ ...topic, configNames: ['retention.ms', 'unclean.leader.election.enable'] }] });
    expect(Object.fromEntries(resources[0]!.configEntries.map(({ configName, configValue }) => [configName, configValue]))).toEqual({ 'retention.ms': '-1', 'unclean.leader.election.enable': 'false' });
    await admin.createPartitions({ topicPartitions: [{ topic: `${prefix}access.changed`, count: 2 }] });
    await admin.disconnect();
    await expect(open()).rejects.toThrow('The topic access.changed has 2 partitions on Kafka and is declared with 1');
  }, LONG_MS);
});

/** Another number for every other position and for every other id. */
function stepOf(position: bigint, id: string): bigint {
  return Array.from(id, (character) => BigInt(character.codePointAt(0)!)).reduce((sum, code) => (sum * 257n + code) % CHAIN_PRIME, position * 7n);
}

function recordOf(position: number): Message {
  return { key: 'org', value: Buffer.from(toBinary(AdminActedSchema, act(`act ${position}`))), headers: { ce_sequence: String(position) } };
}

/** Random numbers from 0 to 1, the same ones each time. */
function mulberry(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
