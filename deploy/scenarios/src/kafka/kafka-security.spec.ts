import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Authority } from '@sluice/certificates';
import { systemClock, systemIds } from '@sluice/clock';
import { ServiceError } from '@sluice/errors';
import { createKafkaEventLog, type KafkaEventLog, type KafkaServers } from '@sluice/events/kafka';
import { TestBroker } from '@sluice/stack/testing/broker';
import { silentLogger } from '@sluice/telemetry';

const LONG_MS = 240_000;
const USER = { name: 'data-plane', password: 'known-to-two' };
const ids = systemIds(systemClock);

let folder: string;
let broker: TestBroker;
let address: string;

const open = async (servers: Omit<KafkaServers, 'brokers'>): Promise<KafkaEventLog> => createKafkaEventLog({ brokers: [address], replicas: 1, ...servers, clientId: 'security', clock: systemClock, ids, logger: silentLogger });
const refused = async (servers: Omit<KafkaServers, 'brokers'>): Promise<string> => open(servers).then(async (log) => log.stop().then(() => 'nobody'), (thrown: unknown) => {
  const { code, message, cause } = ServiceError.from(thrown);
  return `${code}: ${message} ${cause instanceof Error ? cause.message : ''}`;
});
const file = (name: string): string => join(folder, name);

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sluice-kafka-security-'));
  const authority = Authority.make('Brokers', systemClock, ids);
  const server = authority.issue({ subject: 'kafka-1', services: [], hosts: ['127.0.0.1'] });
  const client = authority.issue({ subject: 'data-plane', services: ['gateway'], hosts: [] });
  const files = { 'ca.pem': authority.pair.certificate, 'stranger.pem': Authority.make('Stranger', systemClock, ids).pair.certificate, 'client.pem': client.certificate, 'client.key': client.key };
  await Promise.all(Object.entries(files).map(async ([name, text]) => writeFile(file(name), text)));
  ({ broker, address } = await TestBroker.startSecure({ authority: authority.pair.certificate, certificate: server.certificate, key: server.key, user: USER }));
}, LONG_MS);
afterAll(async () => Promise.all([broker.end(), rm(folder, { recursive: true, force: true })]));

it('is written over TLS by who shows a certificate and knows a password, and by nobody else', async () => {
  const tls = { caFile: file('ca.pem'), certificateFile: file('client.pem'), keyFile: file('client.key') };
  const sasl = { username: USER.name, password: USER.password };
  const log = await open({ tls, sasl });
  const producer = log.producerName('p');
  await log.appendSegment({ producer, epoch: await log.takeEpoch(producer), seq: 0n, bytes: Buffer.from('sealed') });
  await log.stop();
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
