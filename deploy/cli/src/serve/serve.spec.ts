import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { newSecret } from '@sluice/access';
import { systemClock, systemIds } from '@sluice/clock';
import { EmbeddedPostgres } from '@sluice/sql';
import { TestBroker } from '@sluice/stack/testing/broker';
import { CLI_WORDS, cleanEnvironment, runCli } from '../testing/run-cli.ts';

const LONG_MS = 120_000;
let folder: string;
let postgres: EmbeddedPostgres | undefined;
let kafka: TestBroker | undefined;
const children: ChildProcess[] = [];

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'sluice-serve-'));
  [postgres, kafka] = await Promise.all([EmbeddedPostgres.start(folder), TestBroker.start()]);
  writeFileSync(join(folder, 'root.key'), Buffer.alloc(32, 7), { mode: 0o600 });
  const ids = systemIds(systemClock);
  writeFileSync(join(folder, 'keys.json'), JSON.stringify({ apiKey: newSecret('inference', ids), adminKey: newSecret('admin', ids) }), { mode: 0o600 });
}, LONG_MS);
afterEach(() => children.splice(0).forEach((child) => child.kill('SIGKILL')));
afterAll(async () => {
  await Promise.all([postgres?.stop(), kafka?.end()]);
  rmSync(folder, { recursive: true, force: true });
});

const settings = (more: Readonly<Record<string, string>> = {}): Record<string, string> => ({
  DATABASE_URL: postgres!.url, KAFKA_BROKERS: kafka!.address, KAFKA_REPLICAS: '1', SLUICE_ROOT_KEY_FILE: join(folder, 'root.key'), SLUICE_FIRST_KEYS_FILE: join(folder, 'keys.json'),
  SLUICE_RPC_LISTEN: '127.0.0.1:0', SLUICE_HEALTH_LISTEN: '127.0.0.1:0', SLUICE_DATA: join(folder, 'data'), ...more,
});

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

interface Served {
  readonly child: ChildProcess;
  readonly output: () => string;
}

/** `sluice serve SERVICE`; `supervised` by this process. */
function start(service: string, env: Record<string, string>, supervised = false): Served {
  const stdio = supervised ? (['ignore', 'pipe', 'inherit', 'ipc'] as const) : (['ignore', 'pipe', 'inherit'] as const);
  const child = spawn(process.execPath, [...CLI_WORDS, 'serve', service], { env: cleanEnvironment(env), stdio: [...stdio] });
  children.push(child);
  let output = '';
  child.stdout!.setEncoding('utf8').on('data', (text: string) => (output += text));
  return { child, output: () => output };
}

/** The same until it serves. */
async function serving(service: string, env: Record<string, string>, supervised = false): Promise<Served> {
  const served = start(service, env, supervised);
  const untilMs = performance.now() + LONG_MS;
  while (!served.output().includes('"Serving."')) {
    if (served.child.exitCode !== null || performance.now() > untilMs) throw new Error(`it does not serve: ${served.output()}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  return served;
}

describe('sluice serve', () => {
  it('tells all at once what a process with these services misses, and touches nothing', async () => {
    const { code, stdout, stderr } = await runCli(['serve', 'gateway', 'billing'], { env: { SLUICE_PORT: 'x', SLUICE_RPC_LISTEN: '0.0.0.0:7443' } });
    expect([code, stdout]).toEqual([1, '']);
    const named = [...stderr.matchAll(/^ {2}([A-Z_]+): /gm)].map(([, name]) => name);
    expect(named.toSorted()).toEqual([
      'DATABASE_URL', 'KAFKA_BROKERS', 'REDIS_URL', 'SLUICE_ACCESS_ADDRESS', 'SLUICE_AUDIT_ADDRESS', 'SLUICE_CONTENT_FILTER_ADDRESS', 'SLUICE_CONTENT_FILTER_RULES_ADDRESS', 'SLUICE_INFERENCE_ROUTER_ADDRESS',
      'SLUICE_MODEL_REGISTRY_ADDRESS', 'SLUICE_PORT', 'SLUICE_PRODUCER', 'SLUICE_TLS_CA_FILE', 'SLUICE_TLS_CERTIFICATE_FILE', 'SLUICE_TLS_KEY_FILE',
    ]);
  });

  it('knows the services', async () => {
    expect(await runCli(['serve', 'acces'])).toMatchObject({ code: 2, stderr: expect.stringContaining('There is no service "acces". There are access, model-registry') });
    expect(await runCli(['serve'])).toMatchObject({ code: 2 });
  });

  it('hosts a service: logs as JSON, is asked for its health, ends in order at SIGTERM', async () => {
    const health = await freePort();
    const { child, output } = await serving('access', settings({ SLUICE_HEALTH_LISTEN: `127.0.0.1:${health}` }));
    const get = async (path: string): Promise<Response> => fetch(`http://127.0.0.1:${health}${path}`);
    expect(await (await get('/readyz')).json()).toEqual({ status: 'ok', checks: { events: { status: 'ok' }, access: { status: 'ok' } } });
    expect((await get('/metrics')).headers.get('content-type')).toContain('text/plain');
    // An address that is taken is named, with its setting.
    expect(await runCli(['serve', 'access'], { env: settings({ SLUICE_HEALTH_LISTEN: `127.0.0.1:${health}` }) })).toMatchObject({ code: 1, stderr: expect.stringMatching(/cannot be listened at.*SLUICE_HEALTH_LISTEN/) });
    const ended = once(child, 'close');
    child.kill('SIGTERM');
    expect(await ended).toEqual([0, null]);
    for (const line of output().trim().split('\n')) expect(JSON.parse(line)).toMatchObject({ level: expect.any(String), msg: expect.any(String) });
  }, LONG_MS);

  it('warns at its start of servers on other machines without TLS, and only of those that it uses', async () => {
    const { output, child } = start('access', settings({ DATABASE_URL: 'postgresql://u:secret@db.invalid/platform', REDIS_URL: 'redis://redis.invalid:6379' }));
    await once(child.stdout!, 'data');
    const [first] = output().split('\n');
    expect(JSON.parse(first!)).toMatchObject({ level: 'warn', setting: 'DATABASE_URL', msg: expect.stringMatching(/^DATABASE_URL names a PostgreSQL on another machine without TLS: .* Mend: add sslmode=verify-full/) });
    expect(output()).not.toMatch(/secret|REDIS_URL/);
  }, LONG_MS);

  it('ends with its supervisor, however that ends', async () => {
    const { child, output } = await serving('access', settings(), true);
    const ended = once(child, 'exit');
    child.disconnect();
    expect(await ended).toEqual([0, null]);
    expect(output()).toContain('The supervisor is gone');
  }, LONG_MS);

  it('hosts what owns nothing without a database and a root key: it waits for the owner of what it copies, also until it is told to stop, and opens neither', async () => {
    const [rules, health] = [await freePort(), await freePort()];
    const ready = async (): Promise<number> => (await fetch(`http://127.0.0.1:${health}/readyz`)).status;
    const nowhere = { DATABASE_URL: 'postgresql://sluice@127.0.0.1:1/none', SLUICE_ROOT_KEY_FILE: join(folder, 'none') };
    const env = settings({ ...nowhere, SLUICE_CONTENT_FILTER_RULES_ADDRESS: `127.0.0.1:${rules}`, SLUICE_HEALTH_LISTEN: `127.0.0.1:${health}` });
    const waiting = start('content-filter', env);
    const ended = once(waiting.child, 'close');
    while ((await ready().catch(() => 0)) !== 503) await new Promise((resolve) => setTimeout(resolve, 10));
    waiting.child.kill('SIGTERM');
    expect(await ended).toEqual([0, null]);
    expect(waiting.output()).not.toContain('"Serving."');
    await serving('content-filter-rules', settings({ SLUICE_ACCESS_ADDRESS: '127.0.0.1:1', SLUICE_RPC_LISTEN: `127.0.0.1:${rules}` }));
    await serving('content-filter', env);
    expect(await (await fetch(`http://127.0.0.1:${health}/readyz`)).json()).toEqual({ status: 'ok', checks: { events: { status: 'ok' }, 'content-filter': { status: 'ok' } } });
  }, LONG_MS);

  it('says what is wrong with what it was given', async () => {
    expect(await runCli(['serve', 'access'], { env: settings({ SLUICE_ROOT_KEY_FILE: join(folder, 'none') }) })).toMatchObject({ code: 1, stderr: expect.stringContaining(join(folder, 'none')) });
    expect(await runCli(['serve', 'access'], { env: settings({ SLUICE_FIRST_KEYS_FILE: join(folder, 'none') }) })).toMatchObject({ code: 1, stderr: expect.stringContaining('There are no first keys at') });
    const away = 'postgresql://sluice:hidden@127.0.0.1:1/none';
    const { code, stderr } = await runCli(['serve', 'access'], { env: settings({ DATABASE_URL: away }) });
    expect([code, stderr.includes('The database of DATABASE_URL (127.0.0.1:1/none) cannot be used'), stderr.includes('hidden')]).toEqual([1, true, false]);
    expect(await runCli(['serve', 'access'], { env: settings({ KAFKA_BROKERS: '127.0.0.1:1' }) })).toMatchObject({ code: 1, stderr: expect.stringContaining('Kafka does not answer at 127.0.0.1:1 (KAFKA_BROKERS)') });
    const tls = { SLUICE_TLS_CA_FILE: join(folder, 'ca.pem'), SLUICE_TLS_CERTIFICATE_FILE: 'x', SLUICE_TLS_KEY_FILE: 'x' };
    expect(await runCli(['serve', 'access'], { env: settings(tls) })).toMatchObject({ code: 1, stderr: expect.stringMatching(/^sluice: The certificates of this process cannot be used: ENOENT.*ca\.pem/) });
  }, LONG_MS);

  it('starts on no Kafka cluster that is not the one of its database, until it is adopted', async () => {
    await kafka!.startAnew();
    const env = settings();
    expect(await runCli(['serve', 'access'], { env })).toMatchObject({ code: 1, stderr: expect.stringMatching(/^sluice: This database belongs to the Kafka cluster .*events adopt/) });
    expect(await runCli(['events', 'adopt'], { env })).toMatchObject({ code: 2, stderr: expect.stringContaining('without one give --yes') });
    expect(await runCli(['events', 'adopt', '--yes'], { env: {} })).toMatchObject({ code: 2, stderr: expect.stringContaining('DATABASE_URL and KAFKA_BROKERS') });
    expect(await runCli(['events', 'adopt', '--yes'], { env })).toMatchObject({ code: 0, stdout: expect.stringMatching(/^The database belongs to the Kafka cluster .* now, and to .* no more \(generation 2\)\./) });
    const adopted = await runCli(['events', 'adopt', '--yes', '--json'], { env });
    expect(JSON.parse(adopted.stdout)).toMatchObject({ object: 'adoption', generation: 3, raised: [], missed: [], calls_read_anew_by: [] });
    await serving('access', env);
  }, LONG_MS);
});
