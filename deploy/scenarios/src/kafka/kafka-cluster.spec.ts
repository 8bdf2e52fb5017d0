import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { create } from '@bufbuild/protobuf';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Kafka, logLevel, type Consumer } from 'kafkajs';
import { Authority } from '@sluice/certificates';
import { systemClock, systemIds } from '@sluice/clock';
import { ServiceError } from '@sluice/errors';
import { adoptCluster, createKafkaEventLog, type Adoption, type KafkaEventLog, type KafkaServers } from '@sluice/events/kafka';
import { clusterFacts } from '@sluice/events/kafka-cluster';
import { KAFKA_ROLES } from '@sluice/events/kafka-rights';
import { AdminActedSchema } from '@sluice/proto/events/v1/calls';
import { createSql, type SqlPool, type SqlTransaction } from '@sluice/sql';
import { startTestDatabase, type TestDatabase } from '@sluice/sql/testing';
import { TestBroker } from '@sluice/stack/testing/broker';
import { silentLogger } from '@sluice/telemetry';
import type { ClusterWorld } from './cluster-world.ts';
import { grant } from './granted-rights.ts';
import { rightsScenarios, USERS } from './rights.scenarios.ts';
import { standingStillScenarios } from './standing-still.scenarios.ts';

const LONG_MS = 240_000;

let broker: TestBroker;
let folder: string;
let secureAddress: string;
let database: TestDatabase;
let sql: SqlPool;
let worlds = 0;
/** Topics that no other test uses. */
let prefix: string;
let logs: KafkaEventLog[];

const house = () => ({ brokers: [broker.address], topicPrefix: prefix, clock: systemClock, ids: systemIds(systemClock), logger: silentLogger });
const open = async (withDatabase = true, replicas: 1 | 3 = 1): Promise<KafkaEventLog> => {
  const log = await createKafkaEventLog({ ...house(), clientId: 'recovery', replicas, ...(withDatabase && { database: { url: database.url } }) });
  logs.push(log);
  return log;
};
const world = (): ClusterWorld => ({
  address: broker.address, secureAddress, tls: { caFile: file('ca.pem'), certificateFile: file('client.pem'), keyFile: file('client.key') }, prefix, databaseUrl: database.url, sql,
  open: async (options) => {
    const log = await createKafkaEventLog({ ...house(), clientId: 'world', replicas: 1, ...options });
    logs.push(log);
    return log;
  },
  close: async (log) => {
    logs.splice(logs.indexOf(log), 1);
    await log.stop();
  },
});
const stopAll = async (): Promise<void> => void (await Promise.all(logs.splice(0).map((log) => log.stop())));
const adoption = () => ({ ...house(), clientId: 'adoption', replicas: 1 as const, database: { url: database.url } });
const adopt = (): Promise<Adoption> => adoptCluster(adoption());
const TABLES = ['topic', 'record', 'relay', 'relay_mark', 'kafka_cursor', 'kafka_epoch', 'dead_letter'].map((name) => `events.${name}`);
const publish = (log: KafkaEventLog, id: string): Promise<void> => sql.transaction((transaction) => log.publish(transaction, AdminActedSchema, 'org', create(AdminActedSchema, { id, organisationId: 'org' })));
const note = (transaction: SqlTransaction, what: readonly string[]): Promise<void> => transaction.query('INSERT INTO effect (what) SELECT * FROM unnest($1::text[])', [what]).then(() => undefined);
const effects = async (): Promise<string[]> => (await sql.query<{ what: string }>('SELECT what FROM effect ORDER BY n')).map(({ what }) => what);
/** A consumer in a group of its own, as docs/events.md invites them, that has read something. */
const readFromOutside = async (group: string): Promise<Consumer> => {
  const consumer = new Kafka({ brokers: [broker.address], clientId: 'bi', logLevel: logLevel.NOTHING }).consumer({ groupId: prefix + group });
  await consumer.connect();
  await consumer.subscribe({ topic: `${prefix}admin.acted`, fromBeginning: true });
  const hasRead = Promise.withResolvers<void>();
  await consumer.run({ eachMessage: async () => hasRead.resolve() });
  await hasRead.promise;
  return consumer;
};

const USER = { name: 'data-plane', password: 'known-to-two' };
const file = (name: string): string => join(folder, name);
const openSecure = async (servers: Omit<KafkaServers, 'brokers'>): Promise<KafkaEventLog> => createKafkaEventLog({ ...house(), brokers: [secureAddress], replicas: 1, ...servers, clientId: 'security' });
const refused = async (servers: Omit<KafkaServers, 'brokers'>): Promise<string> => openSecure(servers).then(async (log) => log.stop().then(() => 'nobody'), (thrown: unknown) => {
  const { code, message, cause } = ServiceError.from(thrown);
  return `${code}: ${message} ${cause instanceof Error ? cause.message : ''}`;
});
/** A broker that lets in who shows a certificate and knows a password, and whoever comes to the plain listener. */
const startBroker = async (): Promise<void> => {
  folder = await mkdtemp(join(tmpdir(), 'sluice-kafka-cluster-'));
  const ids = systemIds(systemClock);
  const authority = Authority.make('Brokers', systemClock, ids);
  const server = authority.issue({ subject: 'kafka-1', services: [], hosts: ['127.0.0.1'] });
  const client = authority.issue({ subject: 'data-plane', services: ['gateway'], hosts: [] });
  const files = { 'ca.pem': authority.pair.certificate, 'stranger.pem': Authority.make('Stranger', systemClock, ids).pair.certificate, 'client.pem': client.certificate, 'client.key': client.key };
  await Promise.all(Object.entries(files).map(async ([name, text]) => writeFile(file(name), text)));
  ({ broker, address: secureAddress } = await TestBroker.startSecure({ authority: authority.pair.certificate, certificate: server.certificate, key: server.key, users: [USER, ...USERS] }));
};

beforeAll(async () => {
  [, database] = await Promise.all([startBroker(), startTestDatabase()]);
  sql = createSql({ url: database.url, schema: 'shop' });
  await sql.query('CREATE SCHEMA shop');
  await sql.query('CREATE TABLE effect (n bigserial PRIMARY KEY, what text NOT NULL)');
}, LONG_MS);
beforeEach(async () => {
  prefix = `recovery-${worlds++}.`;
  logs = [];
  await sql.query('TRUNCATE effect');
  // Positions count from 1 in topics that are new.
  if ((await sql.query("SELECT 1 FROM pg_tables WHERE schemaname = 'events'")).length > 0) await sql.query(`TRUNCATE ${TABLES.join(', ')}`);
});
afterEach(async () => stopAll(), LONG_MS);
afterAll(async () => {
  await sql.end();
  await Promise.all([database.stop(), broker.end(), rm(folder, { recursive: true, force: true })]);
});

describe('a cluster of Kafka and the database that belongs to it', () => {
  it('is written over TLS by who shows a certificate and knows a password, and by nobody else', async () => {
    const { tls } = world();
    const sasl = { username: USER.name, password: USER.password };
    const { every, maker, dataPlane, doctor } = KAFKA_ROLES;
    await grant(world(), USER.name, [every, maker, dataPlane, doctor]);
    const log = await openSecure({ tls, sasl });
    expect(log.health()).toEqual({ status: 'ok' });
    const producer = log.producerName('p');
    await log.appendSegment({ producer, epoch: await log.takeEpoch(producer), seq: 0n, bytes: Buffer.from('sealed') });
    await log.stop();
    // What the doctor asks a cluster, it asks as the platform does.
    const facts = await clusterFacts({ brokers: [secureAddress], tls, sasl }, ['auto.create.topics.enable'], silentLogger);
    expect(facts).toMatchObject({ brokers: [{ id: 1, address: expect.stringMatching(/:\d+$/) }], settings: new Map([['auto.create.topics.enable', 'false']]) });
    await expect(clusterFacts({ brokers: [secureAddress], tls: { ...tls, caFile: file('stranger.pem') }, sasl }, [], silentLogger)).rejects.toThrow(/certificate/);
    // At once: each is tried several times.
    const tried = [{ tls, sasl: { ...sasl, password: 'another' } }, { tls: { ...tls, caFile: file('stranger.pem') }, sasl }, { tls: { caFile: file('ca.pem') }, sasl }, { tls: { ...tls, keyFile: file('none.key') }, sasl }, {}];
    expect(await Promise.all(tried.map(refused))).toEqual([
      expect.stringContaining('failed_precondition: Kafka does not take the name and the password of this process (KAFKA_SASL_USERNAME, KAFKA_SASL_PASSWORD).'),
      expect.stringMatching(/^audit_log_unavailable: .*certificate/),
      expect.stringMatching(/^audit_log_unavailable: /),
      expect.stringMatching(/^failed_precondition: The certificates for Kafka cannot be read: .*none\.key/),
      expect.stringMatching(/^audit_log_unavailable: /),
    ]);
  }, LONG_MS);

  rightsScenarios(world);
  standingStillScenarios(world);

  it('makes no topic with fewer replicas than declared, and tells of one that has fewer', async () => {
    await expect(open(false, 3)).rejects.toMatchObject({ code: 'failed_precondition', message: 'Kafka has 1 of the 3 brokers on which topics are made: start the others, or, where one broker is enough, set KAFKA_REPLICAS=1.' });
    const admin = new Kafka({ brokers: [broker.address], clientId: 'plain', logLevel: logLevel.NOTHING }).admin();
    await admin.connect();
    expect((await admin.listTopics()).filter((name) => name.startsWith(prefix))).toEqual([]);
    await admin.disconnect();
    expect((await open(false)).health()).toEqual({ status: 'ok' });
    expect((await open(false, 3)).health()).toEqual({ status: 'degraded', detail: expect.stringMatching(`fewer than 3 replicas: .*${prefix}calls.*kafka-reassign-partitions`) });
  }, LONG_MS);

  it('does not take the topics of another database for its own', async () => {
    const log = await open();
    const subscription = log.subscribe(AdminActedSchema, 'shop.origin', (transaction, { message }) => note(transaction, [message.id]));
    await publish(log, 'theirs');
    await subscription.caughtUp();
    await stopAll();
    await sql.query('TRUNCATE events.topic, events.record, events.relay, events.relay_mark, events.kafka_cursor');
    await expect(open()).rejects.toThrow('holds records that this database did not publish');
  }, LONG_MS);

  it('starts on no older copy of its database; adopted, it reads what was published since and goes on above it', async () => {
    let log = await open();
    const listen = (name: string) => log.subscribe(AdminActedSchema, name, (transaction, { position, message }) => note(transaction, [`${name} ${position} ${message.id}`]));
    let subscription = listen('shop.old');
    await publish(log, 'before');
    await subscription.caughtUp();
    await stopAll();
    for (const table of TABLES) await sql.query(`CREATE TABLE ${table.replace('events.', 'shop.saved_')} AS TABLE ${table}`);
    log = await open();
    const late = log.subscribe(AdminActedSchema, 'shop.late', async () => undefined);
    await expect(adopt()).rejects.toMatchObject({ code: 'failed_precondition', message: expect.stringMatching(/^Processes of the platform run: \d+ sessions of the event log in the database, from (127\.0\.0\.1|a local socket)\./) });
    await publish(log, 'lost 2');
    await publish(log, 'lost 3');
    await late.caughtUp();
    await stopAll();
    for (const table of TABLES) await sql.query(`TRUNCATE ${table}`);
    for (const table of TABLES) await sql.query(`INSERT INTO ${table} SELECT * FROM ${table.replace('events.', 'shop.saved_')}`);
    // A data plane has nothing in the database.
    const running = await open(false);
    const copied = Promise.withResolvers<void>();
    running.follow(AdminActedSchema, 0n, { onRecord: () => copied.resolve(), onBeat: () => undefined });
    await copied.promise;
    await expect(adoptCluster({ ...adoption(), clock: { ...systemClock, monotonicMs: () => systemClock.monotonicMs() * 5 } })).rejects.toMatchObject({ code: 'failed_precondition', message: expect.stringMatching(/^Processes of the platform run: recovery on Kafka, from .*127\.0\.0\.1\. .* Stop every one of them/) });
    await stopAll();
    await expect(open()).rejects.toMatchObject({ code: 'failed_precondition', message: expect.stringMatching(/up to position 3, and here the last one is 1.*sluice events adopt/) });
    const outsiders = await Promise.all(['bi.admin.acted', 'read_acts'].map(readFromOutside));
    expect(await adopt()).toMatchObject({ raised: [{ topic: 'admin.acted', from: 1n, to: 3n }], missed: [], segmentsAnew: [] });
    await Promise.all(outsiders.map((outsider) => outsider.disconnect()));
    log = await open();
    subscription = listen('shop.old');
    await publish(log, 'after');
    await subscription.caughtUp();
    const newcomer = listen('shop.new');
    await newcomer.caughtUp();
    const all = ['1 before', '2 lost 2', '3 lost 3', '4 after'];
    expect(await effects()).toEqual([...all.map((what) => `shop.old ${what}`), ...all.map((what) => `shop.new ${what}`)]);
  }, LONG_MS);

  it('starts on no cluster that is not the one of its database; adopted, it goes on there, and tells what nobody has read', async () => {
    let log = await open();
    const segments: string[] = [];
    const read = () => log.subscribeSegments('shop', async (_transaction, entries) => { segments.push(...entries.map((entry) => entry.kind === 'closed' ? `closed ${entry.producer}` : `${entry.kind} ${entry.segment.producer}.${entry.segment.seq}`)); });
    const listen = (name: string) => log.subscribe(AdminActedSchema, name, (transaction, { position, message }) => note(transaction, [`${name} ${position} ${message.id}`]));
    let [calls, acts] = [read(), listen('shop')];
    const former = await log.takeEpoch('former');
    await log.appendSegment({ producer: 'former', epoch: former, seq: 0n, bytes: Buffer.from('x') });
    await publish(log, 'one');
    await Promise.all([calls.caughtUp(), acts.caughtUp()]);
    await acts.stop();
    await publish(log, 'never read');
    const relayed = listen('shop.other');
    await relayed.caughtUp();
    await stopAll();
    await broker.startAnew();
    await expect(open()).rejects.toMatchObject({ code: 'failed_precondition', message: expect.stringMatching(/belongs to the Kafka cluster .* leads to the cluster .*sluice events adopt/) });
    const { clusterId, before, generation, ...found } = await adopt();
    expect(clusterId).not.toBe(before);
    expect(generation).toBeGreaterThan(1);
    expect(found).toEqual({ raised: [], missed: [{ consumer: 'shop', topic: 'admin.acted', records: 1n }], segmentsAnew: ['shop'] });
    log = await open();
    [calls, acts] = [read(), listen('shop')];
    await publish(log, 'three');
    const producer = log.producerName('p');
    await log.appendSegment({ producer, epoch: await log.takeEpoch(producer), seq: 0n, bytes: Buffer.from('y') });
    // Whoever watches over silent producers ends what the one before had open.
    expect(await log.openEpochs()).toContainEqual(expect.objectContaining({ producer: 'former', epoch: former }));
    await log.closeEpoch('former', former);
    await Promise.all([calls.caughtUp(), acts.caughtUp()]);
    const newcomer = listen('shop.new');
    await newcomer.caughtUp();
    expect(await effects()).toEqual(['shop 1 one', 'shop.other 1 one', 'shop.other 2 never read', 'shop 3 three', 'shop.new 3 three']);
    expect(segments.toSorted()).toEqual(['closed former', 'segment former.0', `segment ${producer}.0`].toSorted());
  }, LONG_MS);
});
