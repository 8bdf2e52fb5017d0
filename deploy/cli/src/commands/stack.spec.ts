import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { processEnvironment } from '@sluice/config';
import { createSql } from '@sluice/sql';
import type { StackFile } from '@sluice/stack';
import { CLI_WORDS, cleanEnvironment, runCli } from '../testing/run-cli.ts';
import { isRunning } from '../testing/up-house.ts';

/** A machine from nothing brings a hundred megabytes first. */
const LONG_MS = 900_000;
const REFUSAL_LIMIT_MS = 60_000;
const TOPIC_EXISTS = 36;

/** Asks the broker to make a topic (Kafka protocol guide, CreateTopics version 2); returns its error code. */
async function createTopic(port: number, name: string): Promise<number> {
  const request = Buffer.alloc(39 + name.length);
  let at = request.writeInt32BE(request.length - 4, 0);
  for (const short of [19, 2]) at = request.writeInt16BE(short, at);
  at = request.writeInt32BE(1, at);
  at = request.writeInt16BE(-1, at);
  at = request.writeInt32BE(1, at);
  at = request.writeInt16BE(name.length, at);
  at += request.write(name, at);
  at = request.writeInt32BE(1, at);
  at = request.writeInt16BE(1, at);
  for (const none of [0, 0, 10_000]) at = request.writeInt32BE(none, at);
  const socket = connect({ host: '127.0.0.1', port });
  socket.write(request.subarray(0, at + 1));
  let heard = Buffer.alloc(0);
  while (heard.length < 18 + name.length) heard = Buffer.concat([heard, (await once(socket, 'data') as [Buffer])[0]]);
  socket.destroy();
  return heard.readInt16BE(18 + name.length);
}

async function askRedis(address: string, command: string): Promise<string> {
  const { hostname, port, password } = new URL(address);
  const socket = connect({ host: hostname, port: Number(port) });
  socket.write(`AUTH ${password}\r\n${command}\r\nQUIT\r\n`);
  let heard = '';
  socket.setEncoding('utf8').on('data', (text: string) => (heard += text));
  await once(socket, 'close');
  return heard;
}

/** A Python model with numpy: each number twice. */
function writeDoublingModel(repository: string): void {
  mkdirSync(join(repository, 'double', '1'), { recursive: true });
  const tensor = (name: string): string => `[{ name: "${name}" data_type: TYPE_FP32 dims: [2] }]`;
  writeFileSync(join(repository, 'double', 'config.pbtxt'), `backend: "python" max_batch_size: 0 input ${tensor('x')} output ${tensor('y')} instance_group [{ kind: KIND_CPU }]`);
  writeFileSync(join(repository, 'double', '1', 'model.py'), `import triton_python_backend_utils as pb
class TritonPythonModel:
    def execute(self, requests):
        return [pb.InferenceResponse([pb.Tensor("y", pb.get_input_tensor_by_name(one, "x").as_numpy() * 2)]) for one in requests]
`);
}

async function askTriton(http: string): Promise<unknown> {
  const body = JSON.stringify({ inputs: [{ name: 'x', datatype: 'FP32', shape: [2], data: [1.5, 4] }] });
  const { outputs } = (await (await fetch(`${http}/v2/models/double/infer`, { method: 'POST', body })).json()) as { outputs: { data: unknown }[] };
  return outputs[0]!.data;
}

describe('sluice stack', () => {
  let parent: string;
  let data: string;
  /** Before all others on the PATH: whether an engine of Docker runs is not left to the machine. */
  let docker: string;
  const stack = async (...words: string[]): ReturnType<typeof runCli> => runCli(['stack', ...words, '--data', data], { timeoutMs: LONG_MS, env: { PATH: `${docker}:${processEnvironment['PATH']}` } });
  const fakeDocker = (script: string): void => writeFileSync(join(docker, 'docker'), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  const file = (): StackFile => JSON.parse(readFileSync(join(data, 'stack.json'), 'utf8')) as StackFile;
  beforeEach(() => {
    parent = mkdtempSync(join(tmpdir(), 'sluice-stack-'));
    data = join(parent, 'a b-stack');
    docker = join(parent, 'docker');
    mkdirSync(docker);
    fakeDocker('exit 1');
  });
  afterEach(async () => {
    if (existsSync(join(data, 'choices.json'))) await stack('reset', '--yes');
    rmSync(parent, { recursive: true, force: true });
  });

  it('starts real servers, finds them running, and starts them again with all that they held', async () => {
    const models = join(parent, 'models');
    writeDoublingModel(models);
    const started = await stack('up', '--small', '--models', models);
    expect(started).toMatchObject({ code: 0, stdout: expect.stringContaining('The stack is up') });
    expect(statSync(join(data, 'stack.json')).mode & 0o777).toBe(0o600);
    const first = file();
    expect(started.stdout).not.toContain(new URL(first.engines['redis']!.address).password);

    const sql = createSql({ url: first.engines['postgres']!.address, schema: 'public', connections: 1 });
    await sql.query('CREATE TABLE kept AS SELECT 7 AS n');
    await sql.end();
    expect(await askRedis(first.engines['redis']!.address, 'SET kept 8')).toBe('+OK\r\n+OK\r\n+OK\r\n');
    expect(await createTopic(Number(first.engines['kafka-1']!.address.split(':')[1]), 'kept')).toBe(0);

    expect(await askTriton(first.engines['triton']!.also!['http']!)).toEqual([3, 8]);

    // The doctor asks the same servers by the settings of a platform.
    const [database, broker, redis] = ['postgres', 'kafka-1', 'redis'].map((name) => first.engines[name]!.address);
    const looked = await runCli(['doctor', '--json', '--data', data.replace(/-stack$/, '')], { env: { PATH: `${docker}:${processEnvironment['PATH']}`, DATABASE_URL: database!, KAFKA_BROKERS: broker!, REDIS_URL: redis! } });
    const found = (JSON.parse(looked.stdout) as { findings: { area: string; name: string; state: string; says: string }[] }).findings;
    const said = (area: string): string[] => found.filter((one) => one.area === area).map(({ name, state, says }) => `${name} ${state} ${says}`);
    expect(said('database')).toEqual(expect.arrayContaining(['version ok PostgreSQL 18.4', expect.stringMatching(/^clock ok /), expect.stringContaining('replication warn'), expect.stringMatching(/^connections ok \d+ of 200$/)]));
    expect(said('kafka')).toEqual([`${broker} ok answers; its cluster has 1`, expect.stringContaining('brokers warn one'), 'replication ok default.replication.factor=1, min.insync.replicas=1']);
    expect(said('redis')).toEqual(['version ok Redis 7.0.15, without TLS', 'maxmemory-policy ok noeviction']);
    expect(said('stack')).toEqual(['kafka-1 ok 1 of 1 brokers', 'postgres ok PostgreSQL 18.4', 'redis ok Redis 7.0.15', 'triton ok Triton 2.51.0, 1 of 1 models ready']);
    for (const address of [database!, redis!]) expect(looked.stdout).not.toContain(new URL(address).password);

    expect(await stack('up')).toMatchObject({ code: 0, stderr: expect.stringContaining('runs already') });
    expect(file()).toEqual(first);
    // Triton keeps what it was started with, and so do later starts.
    const kept = readFileSync(join(data, 'choices.json'), 'utf8');
    expect(await stack('up', '--models', 'own')).toMatchObject({ code: 1, stderr: expect.stringContaining(`Triton runs with the model repository ${models}`) });
    expect(await stack('up', '--models', parent)).toMatchObject({ code: 1, stderr: expect.stringContaining(`${parent} is no model repository of Triton`) });
    expect(readFileSync(join(data, 'choices.json'), 'utf8')).toBe(kept);
    // Whoever started them may have died before it could write them down.
    rmSync(join(data, 'stack.json'));
    expect(await stack('up')).toMatchObject({ code: 0 });
    expect(file()).toEqual(first);

    expect(await stack('down')).toMatchObject({ code: 0 });
    expect(existsSync(join(data, 'stack.json'))).toBe(false);
    const status = await stack('status', '--json');
    expect((JSON.parse(status.stdout) as { engines: { state: string }[] }).engines.map(({ state }) => state)).toEqual(['down', 'down', 'down', 'down']);
    expect(status.code).toBe(1);

    expect(await stack('up')).toMatchObject({ code: 0, stderr: expect.not.stringContaining('bringing') });
    const again = createSql({ url: file().engines['postgres']!.address, schema: 'public', connections: 1 });
    expect(await again.query('SELECT n FROM kept')).toEqual([{ n: 7 }]);
    await again.end();
    expect(await askRedis(file().engines['redis']!.address, 'GET kept')).toContain('$1\r\n8\r\n');
    expect(await createTopic(Number(file().engines['kafka-1']!.address.split(':')[1]), 'kept')).toBe(TOPIC_EXISTS);
    expect(await askTriton(file().engines['triton']!.also!['http']!)).toEqual([3, 8]);

    // What a killed server leaves, here the process of its model, does not keep it from coming back.
    process.kill(file().engines['triton']!.pid, 'SIGKILL');
    expect(await stack('up')).toMatchObject({ code: 0, stderr: expect.stringContaining('triton: ready') });
    expect(await askTriton(file().engines['triton']!.also!['http']!)).toEqual([3, 8]);
    expect(await stack('logs', 'kafka-1')).toMatchObject({ code: 0, stdout: expect.stringContaining('Kafka Server started') });

    expect(await stack('reset')).toMatchObject({ code: 2, stderr: expect.stringContaining('--yes') });
    expect(await stack('reset', '--yes')).toMatchObject({ code: 0 });
    expect([existsSync(join(data, 'postgres')), existsSync(join(data, 'choices.json'))]).toEqual([false, false]);
  }, LONG_MS);

  it('has three brokers where it is not asked to be small, which make one cluster, and stops them all', async () => {
    const models = join(parent, 'models');
    mkdirSync(models);
    expect(await stack('up', '--models', models)).toMatchObject({ code: 0, stdout: expect.stringContaining(`stack down --data '${data}'`) });
    const { engines } = JSON.parse((await stack('status', '--json')).stdout) as { engines: { name: string; state: string; says: string }[] };
    expect(engines.map(({ name, state, says }) => `${name} ${state} ${/brokers/.test(says) ? says : ''}`.trim())).toEqual(['kafka-1 up 3 of 3 brokers', 'kafka-2 up 3 of 3 brokers', 'kafka-3 up 3 of 3 brokers', 'postgres up', 'redis up', 'triton up']);
    const pids = Object.values(file().engines).map(({ pid }) => pid);
    expect(await stack('down')).toMatchObject({ code: 0 });
    expect(pids.filter(isRunning)).toEqual([]);
  }, LONG_MS);

  it('given up with Ctrl-C, stops what it has started', async () => {
    const child = spawn(process.execPath, [...CLI_WORDS, 'stack', 'up', '--small', '--data', data], { env: cleanEnvironment({ PATH: `${docker}:${processEnvironment['PATH']}` }), stdio: ['ignore', 'ignore', 'pipe'] });
    let said = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      if (!said.includes('postgres: ready') && (said + text).includes('postgres: ready')) child.kill('SIGINT');
      said += text;
    });
    expect(await once(child, 'close')).toEqual([1, null]);
    expect(said).toContain('postgres: stopped');
    expect(said).toContain('sluice: cancelled');
    const { engines } = JSON.parse((await stack('status', '--json')).stdout) as { engines: { state: string }[] };
    expect(engines.every(({ state }) => state === 'down')).toBe(true);
    expect(existsSync(join(data, 'stack.json'))).toBe(false);
  }, LONG_MS);

  it('says what the machine lacks and how to get it; where CI is true that is a failure, and nothing is left running', async () => {
    const tools = join(parent, 'tools');
    mkdirSync(tools);
    for (const tool of ['flock', 'cat', 'unshare', 'true']) symlinkSync(execFileSync('sh', ['-c', `command -v ${tool} | grep / || echo /bin/${tool}`], { encoding: 'utf8' }).trim(), join(tools, tool));
    const up = async (env: Record<string, string>): ReturnType<typeof runCli> => runCli(['stack', 'up', '--small', '--data', data], { env: { PATH: tools, XDG_CACHE_HOME: parent, ...env } });
    const { code, stderr } = await up({ CI: 'true' });
    expect(code).toBe(1);
    expect(stderr).toContain('kafka-1: Java 17 or newer (Debian: apt-get install openjdk-17-jre-headless)');
    expect(stderr).toContain('triton: python3 (Debian: apt-get install python3 python3-pip)');
    expect(stderr).toContain('redis: apt-get, to bring Redis 7.0.15');
    const { engines } = JSON.parse((await stack('status', '--json')).stdout) as { engines: { state: string }[] };
    expect(engines.every(({ state }) => state === 'down')).toBe(true);
    expect(await up({})).toMatchObject({ code: 0, stdout: expect.stringMatching(/^postgres +up/m), stderr: expect.stringContaining('Left out, because this machine lacks something:\nkafka-1: Java 17') });
  }, LONG_MS);

  it('leaves it to Docker where its engine runs: by the same settings, with secrets that no command line has', async () => {
    const calls = join(parent, 'calls');
    fakeDocker(`echo "$*" >>'${calls}'
case "$*" in
  *" up "*) echo "password $POSTGRES_PASSWORD" >>'${calls}'; echo 'no such image' >&2; exit 1 ;;
esac`);
    expect(await stack('up', '--small')).toMatchObject({ code: 1, stderr: expect.stringContaining('no such image') });
    const { route, postgresPassword } = JSON.parse(readFileSync(join(data, 'choices.json'), 'utf8')) as Record<string, string>;
    const called = readFileSync(calls, 'utf8');
    expect([route, called]).toEqual(['docker', expect.stringContaining(`password ${postgresPassword}\n`)]);
    expect(called.replace(`password ${postgresPassword}\n`, '')).not.toContain(postgresPassword);
    expect(called).toMatch(/^compose --project-name sluice-[0-9a-f]{12} --file \S+a b-stack\/compose.yaml up --detach/m);
    expect(called.trimEnd().split('\n').at(-1)).toMatch(/compose.yaml down$/);
    expect(readFileSync(join(data, 'compose.yaml'), 'utf8')).toContain('image: "apache/kafka:4.4.0"');
    expect((await stack('up')).stderr).toContain('This stack was made with --small: it has one Kafka broker, not three');
    expect(await stack('status')).toMatchObject({ code: 1, stdout: expect.stringContaining('kafka-1   down') });
    expect(await stack('reset', '--yes')).toMatchObject({ code: 0 });
    expect(readFileSync(calls, 'utf8').trimEnd().split('\n').at(-1)).toMatch(/compose.yaml down --volumes$/);
  }, LONG_MS);

  it('says that it cannot be where there can be no folder for its data or for its packages, and ends', async () => {
    const refused = { code: 1, stdout: '', stderr: 'sluice: The folder /proc/sluice cannot be made: its file system takes no folders. Give another path.\n' };
    expect(await runCli(['stack', 'up', '--data', '/proc/sluice/stack'], { timeoutMs: REFUSAL_LIMIT_MS })).toEqual(refused);
    expect(await runCli(['stack', 'up', '--data', data], { env: { XDG_CACHE_HOME: '/proc' }, timeoutMs: REFUSAL_LIMIT_MS })).toEqual(refused);
  });

  it('has nothing to show or to stop where there is none', async () => {
    for (const command of ['status', 'down', 'logs']) expect(await stack(command)).toMatchObject({ code: 1, stderr: expect.stringContaining('There is no stack in') });
    expect(existsSync(data)).toBe(false);
  });
});
