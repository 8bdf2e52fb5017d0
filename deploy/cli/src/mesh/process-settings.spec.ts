import { expect, it } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { meshShape } from '@sluice/host';
import { dataFolder } from '../data-folder/data-folder.ts';
import { readServeSettings } from '../serve/serve-settings.ts';
import { meshProcesses, startsBefore } from './mesh-processes.ts';
import { portNames, processEnvironmentOf, processSettings, type MeshPlace } from './process-settings.ts';

const processes = meshProcesses(2);
const place: MeshPlace = {
  processes,
  folder: dataFolder('/data'),
  rootKeyFile: '/data/root.key',
  stack: { databaseUrl: 'postgresql://sluice@db/x', redisUrl: 'redis://redis:6379', kafkaBrokers: '127.0.0.1:9092,127.0.0.1:9094', kafkaReplicas: 1 },
  listen: { host: '127.0.0.1', port: 8080, adminHost: '127.0.0.1', adminPort: 8081, grpcPort: 8001 },
  ports: Object.fromEntries(processes.flatMap(portNames).map((name, index) => [name, 20_000 + index])),
};
const of = (name: string): Record<string, string> => processSettings(processes.find((one) => one.name === name)!, place);

it.each(processes)('the settings of $name are all that it needs', async (one) => {
  const { own } = await readServeSettings(one.services, processSettings(one, place));
  expect(own.SLUICE_TLS_CERTIFICATE_FILE).toBe(`/data/certificates/${one.name}.pem`);
});

it('the processes find each other, and each has a place of its own', () => {
  expect(of('data-plane-1')).toMatchObject({ SLUICE_ACCESS_ADDRESS: of('access')['SLUICE_RPC_LISTEN'], SLUICE_LOCAL_ENGINE_ADDRESS: of('local-engine')['SLUICE_RPC_LISTEN'] });
  const listening = processes.flatMap((one) => Object.entries(processSettings(one, place)).filter(([name]) => /_(LISTEN|DIRECT_PORT)$/.test(name)).map(([, at]) => at.split(':').at(-1)));
  expect(new Set(listening).size).toBe(listening.length);
  expect([of('data-plane-1'), of('data-plane-2')].map(({ SLUICE_PRODUCER, SLUICE_PORT, SLUICE_GRPC_PORT, SLUICE_SHARE_PORTS }) => [SLUICE_PRODUCER, SLUICE_PORT, SLUICE_GRPC_PORT, SLUICE_SHARE_PORTS])).toEqual([['data-plane-1', '8080', '8001', 'true'], ['data-plane-2', '8080', '8001', 'true']]);
  expect(processes.filter((one) => 'SLUICE_GRPC_PORT' in processSettings(one, { ...place, listen: { ...place.listen, grpcPort: undefined } }))).toEqual([]);
});

it('nobody is given what is not for them', () => {
  const given = (setting: string): string[] => processes.filter((one) => setting in processSettings(one, place)).map(({ name }) => name);
  expect(given('SLUICE_ROOT_KEY_FILE')).toEqual(['access', 'model-registry', 'content-filter-rules', 'audit']);
  expect(given('SLUICE_FIRST_KEYS_FILE')).toEqual(['access']);
  expect(given('REDIS_URL')).toEqual(['data-plane-1', 'data-plane-2']);
  expect(given('KAFKA_BROKERS')).toEqual(processes.map(({ name }) => name).filter((name) => name !== 'local-engine'));
  expect(given('KAFKA_REPLICAS')).toEqual(given('KAFKA_BROKERS'));
  expect(of('audit')['KAFKA_REPLICAS']).toBe('1');
  expect(given('DATABASE_URL')).toEqual(['access', 'model-registry', 'content-filter-rules', 'audit', 'billing']);
  expect(given('SLUICE_RPC_LISTEN')).toEqual(['access', 'model-registry', 'content-filter-rules', 'audit', 'billing', 'local-engine']);
});

it('nobody inherits from the shell what is not for them, and everything else', () => {
  const others = Object.fromEntries([...Object.keys(meshShape), 'SLUICE_PRODUCER', 'SLUICE_PRODUCER_IS_SOLE'].map((name) => [name, `of another mesh: ${name}`]));
  for (const name of ['DATABASE_URL', 'KAFKA_BROKERS', 'KAFKA_SASL_PASSWORD', 'KAFKA_TLS_CA_FILE', 'KAFKA_PLAINTEXT', 'REDIS_URL', 'SLUICE_ROOT_KEY_FILE', 'SLUICE_AUDIT_ADDRESS']) expect(others).toHaveProperty(name);
  const shell = { ...others, SLUICE_LOG_LEVEL: 'debug', HOME: '/home' };
  for (const one of processes) expect(processEnvironmentOf(one, place, shell)).toEqual({ SLUICE_LOG_LEVEL: 'debug', HOME: '/home', ...processSettings(one, place) });
});

it('one process of the data plane has its ports for itself', () => {
  const [alone] = meshProcesses(1).filter(({ isDataPlane }) => isDataPlane);
  expect(processSettings(alone!, { ...place, processes: meshProcesses(1) })['SLUICE_SHARE_PORTS']).toBe('false');
});

it('two doors of a process cannot have one port', async () => {
  const [door] = processes.filter(({ isDataPlane }) => isDataPlane);
  const given = processSettings(door!, place);
  for (const name of ['SLUICE_ADMIN_PORT', 'SLUICE_DIRECT_PORT', 'SLUICE_GRPC_PORT']) {
    await expect(readServeSettings(door!.services, { ...given, [name]: '8080' })).rejects.toThrow(/SLUICE_GRPC_PORT: each needs a port of its own/);
  }
});

it('those that a data plane copies start before it', () => {
  expect(processes.filter(startsBefore).map(({ name }) => name)).toEqual(['access', 'model-registry', 'content-filter-rules', 'audit']);
});

it('settings that are told in docs/settings.md', () => {
  const page = readFileSync(new URL('../../../../docs/settings.md', import.meta.url), 'utf8');
  for (const name of new Set(processes.flatMap((one) => Object.keys(processSettings(one, place))))) expect(page).toContain(`| \`${name}\` |`);
});
