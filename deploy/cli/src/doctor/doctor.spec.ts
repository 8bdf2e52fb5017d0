import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { once } from 'node:events';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { ApiServer } from '../testing/api-server.ts';
import { runCli, type CliResult } from '../testing/run-cli.ts';
import { dataFolder } from '../data-folder/data-folder.ts';
import { takeLock } from '../data-folder/lock.ts';
import { MeshFile } from '../mesh/mesh-file.ts';
import { lookAtDatabase } from './database.ts';
import { lookAtDataFolder } from './data-folder.ts';
import { judgeDays, lookAtCertificates } from './certificates.ts';
import { Findings, type Finding } from './finding.ts';
import { judge, lookAtKafka } from './kafka.ts';
import { placesIn } from './places.ts';
import { lookAtServices } from './reachable.ts';
import { lookAtRedis } from './redis.ts';
import { lookAtStack } from './stack.ts';

let parent: string;
beforeAll(() => void (parent = mkdtempSync(join(tmpdir(), 'sluice-doctor-'))));
afterAll(() => rmSync(parent, { recursive: true, force: true }));

const shown = (findings: readonly Finding[]): string[] => findings.map(({ name, state, says }) => `${state} ${name}: ${says}`);
const wrongs = (findings: readonly Finding[]): string[] => shown(findings.filter(({ state }) => state !== 'ok'));

/** Servers that say what a test has written down for them. */
const servers = new Set<Server>();
const sockets = new Set<Socket>();
async function saying(answer: (heard: Buffer, port: number) => Buffer | undefined): Promise<number> {
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined).on('data', (heard: Buffer) => {
      const said = answer(heard, (server.address() as AddressInfo).port);
      if (said) socket.write(said);
    });
  });
  servers.add(server);
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return (server.address() as AddressInfo).port;
}
afterEach(async () => {
  for (const socket of sockets) socket.destroy();
  await Promise.all([...servers].map(async (server) => new Promise((closed) => server.close(closed))));
  servers.clear();
  sockets.clear();
});

describe('the data folder', () => {
  let folder: ReturnType<typeof dataFolder>;
  beforeEach(() => {
    folder = dataFolder(mkdtempSync(join(parent, 'data-')));
  });

  it('may not be there yet', async () => {
    const look = await lookAtDataFolder(dataFolder(join(folder.root, 'a', 'b')), undefined);
    expect(wrongs(look)).toEqual([]);
    expect(shown(look)).toContain('ok root key: the first sluice up makes it');
  });

  it('tells keys that others may read, that are lost or that are none, and a layout of tomorrow', async () => {
    writeFileSync(folder.rootKey, Buffer.alloc(32), { mode: 0o644 });
    writeFileSync(folder.credentials, '{}', { mode: 0o640 });
    writeFileSync(folder.layout, '{"version": 99}');
    writeFileSync(folder.mesh, '{');
    chmodSync(folder.root, 0o755);
    mkdirSync(join(folder.root, 'certificates'));
    writeFileSync(join(folder.root, 'certificates', 'audit.key'), '', { mode: 0o604 });
    const look = await lookAtDataFolder(folder, undefined);
    expect(wrongs(look).map((line) => line.replaceAll(folder.root, ''))).toEqual([
      'warn folder:  is open to other users (mode 0755)', expect.stringMatching(/^wrong layout: .*written by a newer Sluice/), expect.stringMatching(/^wrong mesh: .*mesh.json cannot be read: it is damaged/), 'wrong root key: The root key file /root.key is open to other users (mode 0644). Run: chmod 600 /root.key',
      'wrong secrets: /credentials.json is open to other users (mode 0640)', 'wrong secrets: /certificates/audit.key is open to other users (mode 0604)', expect.stringMatching(/^wrong first keys: .*is damaged/),
    ]);
    expect(look.every(({ state, mend }) => state === 'ok' || (mend ?? '') !== '')).toBe(true);
    expect(wrongs(await lookAtDataFolder(dataFolder(join(folder.root, 'new')), join(folder.root, 'none.key')))[0]).toContain('is missing');
    expect(wrongs(await lookAtDataFolder(dataFolder(folder.layout), undefined))[0]).toContain('is no folder');
  });
});

describe('certificates', () => {
  it('are judged by the days that are left', () => {
    const nowMs = Date.parse('2026-06-01T00:00:00Z');
    const look = (days: number, fromDays = -1): string => {
      const found = new Findings('c');
      const at = (offset: number): string => new Date(nowMs + offset * 86_400_000).toUTCString();
      judgeDays(found, 'x', { validFrom: at(fromDays), validTo: at(days) }, nowMs);
      return shown(found.all)[0]!;
    };
    expect([look(400), look(30), look(29), look(7), look(6), look(0)]).toEqual(['ok x: 400 days left', 'ok x: 30 days left', 'warn x: 29 days left', 'warn x: 7 days left', 'wrong x: 6 days left', 'wrong x: 0 days left']);
    expect([look(-1), look(9, 1)]).toEqual(['wrong x: ended at 2026-05-31T00:00:00.000Z', 'wrong x: is good from 2026-06-02T00:00:00.000Z on']);
  });

  it('are every one in a file; a file without one is told', () => {
    const made = join(parent, 'made.pem');
    const pem = execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', join(parent, 'made.key'), '-subj', '/CN=x', '-days', '20', '-out', '-'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
    writeFileSync(made, pem + pem);
    writeFileSync(join(parent, 'empty.pem'), '');
    expect(wrongs(lookAtCertificates([made, join(parent, 'empty.pem'), join(parent, 'none.pem')])).map((line) => line.replaceAll(parent, ''))).toEqual([
      expect.stringMatching(/^warn \/made.pem: (19|20) days left$/), expect.stringMatching(/^warn \/made.pem/), 'wrong /empty.pem: holds no certificate', expect.stringMatching(/^wrong \/none.pem: cannot be read/),
    ]);
  });
});

describe('Redis', () => {
  const info = (text: string): Buffer => Buffer.from(`+OK\r\n$${Buffer.byteLength(text)}\r\n${text}\r\n`);

  it('is asked with its password, and judged by what it must keep', async () => {
    let asked = '';
    const port = await saying((heard) => {
      asked += heard.toString();
      return asked.endsWith('INFO\r\n') ? info('# Server\r\nredis_version:7.4.1\r\nmaxmemory:100\r\nmaxmemory_policy:allkeys-lru\r\nrole:slave\r\nloading:1\r\naof_enabled:0\r\n') : undefined;
    });
    const look = await lookAtRedis(`redis://ann:p%40ss@127.0.0.1:${port}`);
    expect(asked).toBe('*3\r\n$4\r\nAUTH\r\n$3\r\nann\r\n$4\r\np@ss\r\n*1\r\n$4\r\nINFO\r\n');
    expect(shown(look)).toEqual([
      'ok version: Redis 7.4.1, without TLS', 'warn state: it is still loading its data', 'wrong role: it is a replica, which takes no writes', 'wrong maxmemory-policy: allkeys-lru', 'warn durability: no append-only file: a restart forgets every count',
    ]);
    expect(JSON.stringify(look)).not.toContain('p@ss');
  });

  it('is wrong when it refuses, is not there, or is none', async () => {
    const port = await saying(() => Buffer.from('-NOAUTH Authentication required.\r\n'));
    expect(shown(await lookAtRedis(`redis://127.0.0.1:${port}`))).toEqual([`wrong 127.0.0.1:${port}: NOAUTH Authentication required.`]);
    expect(shown(await lookAtRedis('redis://127.0.0.1:1'))).toEqual(['wrong 127.0.0.1:1: nothing listens there']);
    for (const text of ['http://h', 'redis://', 'rubbish']) expect(wrongs(await lookAtRedis(text))).toEqual(['wrong REDIS_URL: is no address of a Redis']);
    expect(await lookAtRedis(undefined)).toEqual([]);
  });
});

describe('another machine without TLS', () => {
  it('is warned of, the database and Redis alike', async () => {
    expect(shown(await lookAtRedis('redis://:secret@redis.invalid'))[0]).toMatch(/^warn REDIS_URL: names a Redis on another machine without TLS/);
    expect(shown(await lookAtDatabase('postgresql://u:secret@db.invalid/x'))[0]).toMatch(/^warn DATABASE_URL: names a PostgreSQL on another machine without TLS/);
  });
});

describe('Kafka', () => {
  const brokers = (count: number): { id: number; address: string }[] => Array.from({ length: count }, (_, at) => ({ id: at + 1, address: '127.0.0.1:9092' }));
  const judged = (count: number, settings: Record<string, string> | Error): string[] => {
    const found = new Findings('kafka');
    judge(found, { brokers: brokers(count), settings: settings instanceof Error ? settings : new Map(Object.entries(settings)) });
    return wrongs(found.all);
  };

  it('is well with three brokers, of which one may be lost', () => {
    const good = { 'default.replication.factor': '3', 'min.insync.replicas': '2', 'auto.create.topics.enable': 'false', 'unclean.leader.election.enable': 'false' };
    expect(judged(3, good)).toEqual([]);
    expect(judged(3, { ...good, 'min.insync.replicas': '1' })).toEqual(['wrong replication: default.replication.factor=3, min.insync.replicas=1']);
    expect(judged(3, { ...good, 'min.insync.replicas': '3' })).toEqual(['warn replication: default.replication.factor=3, min.insync.replicas=3']);
    expect(judged(3, { ...good, 'auto.create.topics.enable': 'true', 'unclean.leader.election.enable': 'true' })).toEqual(['warn auto.create.topics.enable: true', 'wrong unclean.leader.election.enable: true']);
    expect(judged(1, { ...good, 'min.insync.replicas': '1' })).toEqual([expect.stringContaining('warn brokers: one')]);
  });

  it('is wrong where a broker is away, or sends its clients to where nobody is', async () => {
    expect(judged(3, Object.assign(new Error('Connection error'), { code: 'ECONNREFUSED' }))).toEqual(['wrong advertised address: broker 1 is to be found at 127.0.0.1:9092: nothing listens there']);
    expect(shown(await lookAtKafka({ KAFKA_BROKERS: '127.0.0.1:1,[::1]:1' }))).toEqual(['wrong 127.0.0.1:1: nothing listens there', expect.stringContaining('wrong [::1]:1: ')]);
    expect(wrongs(await lookAtKafka({ KAFKA_BROKERS: 'kafka' }))).toEqual([expect.stringContaining('wrong KAFKA_BROKERS: must be host:port')]);
    expect(wrongs(await lookAtKafka({ KAFKA_BROKERS: 'kafka:9092' }))).toEqual([expect.stringContaining('wrong KAFKA_TLS_CA_FILE: is missing: without TLS')]);
    expect(await lookAtKafka({})).toEqual([]);
  });
});

describe('addresses', () => {
  it.each([['h:1', [['h', 1]]], ['10.0.0.1:70, [::1]:2', [['10.0.0.1', 70], ['::1', 2]]], ['h', undefined], ['h:70000', undefined], ['', undefined], ['::1:2', undefined]])('%j', (list, places) => {
    expect(placesIn(list)?.map(({ host, port }) => [host, port])).toEqual(places);
  });

  it('of services are tried, each of them', async () => {
    const port = await saying(() => undefined);
    const look = await lookAtServices({ SLUICE_AUDIT_ADDRESS: `127.0.0.1:${port},127.0.0.1:1`, SLUICE_ACCESS_ADDRESS: 'access', SLUICE_PORT: '1' });
    expect(shown(look)).toEqual(['wrong SLUICE_ACCESS_ADDRESS: is no list of addresses', `ok SLUICE_AUDIT_ADDRESS: 127.0.0.1:${port} takes connections`, 'wrong SLUICE_AUDIT_ADDRESS: 127.0.0.1:1: nothing listens there']);
  });
});

describe('sluice doctor', () => {
  const api = new ApiServer();
  beforeAll(async () => api.listen());
  afterAll(async () => api.close());
  // Without the programs of this machine, some of which take seconds to say who they are.
  const doctor = (env: Record<string, string>, ...words: string[]): Promise<CliResult> => runCli(['doctor', '--data', join(parent, 'house'), ...words], { env: { PATH: parent, ...env } });

  it('tells the parts of a platform that runs, and its backends; 1 when something is wrong', async () => {
    const list = (data: object[], more = {}): object => ({ object: 'list', data, has_more: false, ...more });
    const deployment = (id: string) => ({ id, version_id: 'v', upstream_model: 'm', protocol: 'openai', placement: 'inside', state: 'active', target: `http://${id}` });
    api.on('GET /readyz', { json: { status: 'degraded', checks: { disk: { status: 'ok' }, access: { status: 'degraded', detail: 'its copy is 3 s old' }, audit: { status: 'down' } } } })
      .on('GET /admin/v1/whoami', { json: { key_id: 'k', organisation_id: 'o', role: 'owner' } })
      .on('GET /admin/v1/models', { json: list([{ id: 'm', name: 'gpt', aliases: [], versions: [], deployments: [deployment('a'), deployment('b'), { ...deployment('c'), protocol: 'kserve', target: 'triton:8001' }] }], { aliases: [] }) })
      .on('GET /admin/v1/backends', { json: list([{ deployment_id: 'a', healthy: true }, { deployment_id: 'b', healthy: false, reason: 'It refuses.' }, { deployment_id: 'c', healthy: false, reason: "The model 'm' is not ready at its server." }]) });
    const { code, stdout } = await doctor(api.environment);
    expect(code).toBe(1);
    for (const line of [`warn   running: ${api.url}: degraded`, 'warn   access: degraded: its copy is 3 s old', 'WRONG  audit: down', 'warn   Java: not there; needed for Kafka in stack up', 'ok     model gpt at http://a: healthy', 'WRONG  model gpt at http://b: It refuses.\n         -> start its server, or take the model out: sluice model remove gpt', '-> load it there, as this does, too: sluice model add gpt --kserve triton:8001 --upstream-model m --load; or take']) expect(stdout).toContain(line);
    expect(stdout).not.toContain(api.environment['SLUICE_ADMIN_KEY']!);
    expect(stdout).not.toContain('SLUICE_PORT');
  });

  it('holds against address and key only what speaks of them', async () => {
    const adminApi = async (answer: object): Promise<Finding | undefined> => {
      api.on('GET /admin/v1/models', answer);
      const { findings } = JSON.parse((await doctor(api.environment, '--json')).stdout) as { findings: Finding[] };
      return findings.find(({ name }) => name === 'admin API');
    };
    api.on('GET /readyz', { json: { status: 'ok', checks: {} } }).on('GET /admin/v1/whoami', { json: { key_id: 'k', organisation_id: 'o', role: 'owner' } }).on('GET /admin/v1/backends', { json: { object: 'list', data: [], has_more: false } });
    const refused = (status: number, message: string, code: string) => ({ status, json: { error: { message, type: 'x', code, param: null } } });
    expect(await adminApi(refused(503, 'The database of the model registry is away.', 'backend_unavailable'))).toMatchObject({ state: 'wrong', says: 'The database of the model registry is away.', mend: expect.not.stringMatching(/SLUICE_ADMIN|--data/) });
    expect(await adminApi(refused(401, 'This is no key.', 'invalid_api_key'))).toMatchObject({ says: 'This is no key.', mend: expect.stringContaining('SLUICE_ADMIN_KEY') });
  });

  it('tells every fault of the settings, and goes on; as JSON each finding with its mend', async () => {
    const { code, stdout } = await doctor({ SLUICE_PORT: 'x', SLUICE_LOG_LEVEL: 'loud', SLUICE_PROT: '1', SLUICE_URL: 'rubbish', DATABASE_URL: 'postgresql://ann:geheim@127.0.0.1:1/d?sslmode=prefer', REDIS_URL: 'redis://:geheim@127.0.0.1:1' }, '--json');
    const { ok, findings } = JSON.parse(stdout) as { ok: boolean; findings: Finding[] };
    expect([code, ok]).toEqual([1, false]);
    expect(findings.filter(({ area, state }) => area === 'settings' && state === 'wrong').map(({ name }) => name).toSorted()).toEqual(['DATABASE_URL', 'SLUICE_LOG_LEVEL', 'SLUICE_PORT', 'SLUICE_URL']);
    expect(findings.find(({ name }) => name === 'SLUICE_PROT')).toMatchObject({ state: 'warn' });
    expect(findings.filter(({ area }) => area === 'database')).toMatchObject([{ name: 'DATABASE_URL', state: 'wrong' }]);
    expect(findings.filter(({ area }) => area === 'redis')).toMatchObject([{ state: 'wrong', says: 'nothing listens there' }]);
    expect(findings.every(({ state, mend }) => state === 'ok' || (mend ?? '') !== '')).toBe(true);
    expect(stdout).not.toContain('geheim');
  });

  it.each([
    ['choices.json', 'Put it back from a copy, or give another folder with --data.'],
    ['stack.json', 'End the servers of this folder that still run, if any, and delete it: the next start writes it anew.'],
  ])('tells a stack whose %s is damaged, and its own mend', async (damaged, mend) => {
    const data = mkdtempSync(join(parent, 'stack-'));
    const choices = { version: 1, route: 'packages', small: true, portOffset: 0, clusterId: 'x'.repeat(22), postgresPassword: 'p', redisPassword: 'r' };
    writeFileSync(join(data, 'choices.json'), JSON.stringify(choices), { mode: 0o600 });
    writeFileSync(join(data, damaged), '{');
    expect(await lookAtStack(data, join(data, 'cache'))).toEqual([{ area: 'stack', name: 'folder', state: 'wrong', says: `${join(data, damaged)} cannot be read: it is damaged, or of another version.`, mend }]);
  });

  it('looks at the processes of a mesh and at the stack that it was given, and says nothing of an embedded database', async () => {
    const folder = dataFolder(mkdtempSync(join(parent, 'mesh-')));
    const stack = join(parent, 'a stack');
    const reports = [{ status: 'ok', checks: { billing: { status: 'ok' } } }, { status: 'degraded', checks: { access: { status: 'ok' }, audit: { status: 'degraded', detail: 'it waits' }, gateway: { status: 'down' } } }];
    const ports = await Promise.all(reports.map(async (report) => saying(() => {
      const text = JSON.stringify(report);
      return Buffer.from(`HTTP/1.1 ${report.status === 'ok' ? 200 : 503} x\r\ncontent-length: ${text.length}\r\nconnection: close\r\n\r\n${text}`);
    })));
    new MeshFile(folder.mesh).keepPlace(stack, { 'billing health': ports[0]!, 'data-plane-1 health': ports[1]!, 'data-plane-1 rpc': 1, 'audit health': 1 });
    const shell = { DATABASE_URL: 'postgresql://of@another/mesh', KAFKA_BROKERS: '127.0.0.1:1' };
    const lock = takeLock(folder.lock);
    const [running, asleep] = [await runCli(['doctor', '--json', '--data', folder.root], { env: { PATH: parent, ...shell } }), await (lock.release(), runCli(['doctor', '--json', '--data', folder.root], { env: { PATH: parent } }))];
    const found = ({ stdout }: CliResult): Finding[] => (JSON.parse(stdout) as { findings: Finding[] }).findings;
    expect(shown(found(running).filter(({ area }) => area === 'mesh'))).toEqual([
      `wrong stack: No stack runs in ${stack}.`, `ok billing: http://127.0.0.1:${ports[0]}, ready`, 'warn data-plane-1: audit: degraded: it waits', 'wrong data-plane-1: gateway: down', expect.stringContaining('wrong audit: http://127.0.0.1:1 does not answer ('),
    ]);
    expect(found(running).find(({ name }) => name === 'stack')?.mend).toBe(`Start it with: sluice stack up --data ${stack}`);
    for (const look of [running, asleep]) expect(found(look).filter(({ area }) => ['database', 'kafka'].includes(area))).toEqual([]);
    expect(shown(found(asleep).filter(({ area }) => area === 'mesh'))).toEqual([`warn stack: No stack runs in ${stack}.`]);
  });

  it('ends with 0 where nothing is wrong, and says what is away', async () => {
    const { code, stdout } = await doctor({ SLUICE_PORT: '0', SLUICE_ADMIN_PORT: '0' });
    expect({ code, stdout }).toEqual({ code: 0, stdout: expect.stringContaining(' 0 wrong.') });
    const away = await doctor({ SLUICE_URL: 'http://127.0.0.1:1' });
    expect(away).toMatchObject({ code: 1, stdout: expect.stringContaining('WRONG  running: http://127.0.0.1:1 does not answer as a platform') });
  });
});
