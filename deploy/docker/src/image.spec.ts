import { execFile, execFileSync, spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, chownSync, cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, matchesGlob } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { processEnvironment } from '@sluice/config';
import { ScriptedUpstream } from '@sluice/testkit';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const run = promisify(execFile);
const NOBODY = 65_534;
const LONG_MS = 600_000;
const dockerfile = readFileSync(`${ROOT}deploy/docker/Dockerfile`, 'utf8').replaceAll('\\\n', '');
/** The arguments of every instruction of one kind. */
const instructions = (name: string): string[] => [...dockerfile.matchAll(new RegExp(`^${name} +(.*)$`, 'gm'))].map((found) => found[1]!);

/** What `docker build` is given: the repository without what .dockerignore names. */
function copyContext(target: string): void {
  const ignored = readFileSync(`${ROOT}.dockerignore`, 'utf8').trim().split('\n');
  const files = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], { cwd: ROOT, encoding: 'utf8' }).trim().split('\n');
  const isGiven = (file: string): boolean => existsSync(ROOT + file) && !ignored.some((pattern) => matchesGlob(file, pattern) || matchesGlob(file, `${pattern}/**`));
  for (const file of files.filter(isGiven)) {
    mkdirSync(join(target, dirname(file)), { recursive: true });
    cpSync(ROOT + file, join(target, file));
  }
}

let parent: string;
let app: string;
let said: string;
let startedMs: number;
beforeAll(() => {
  parent = mkdtempSync(join(tmpdir(), 'sluice-image-'));
  chmodSync(parent, 0o755);
  copyContext(join(parent, 'source'));
  app = join(parent, 'app');
  const made = spawnSync('sh', [join(parent, 'source', 'deploy', 'docker', 'assemble.sh'), app], { encoding: 'utf8', env: { PATH: processEnvironment['PATH'], HOME: processEnvironment['HOME'] } });
  said = made.stderr;
  if (made.status !== 0) throw new Error(said);
  startedMs = Date.now();
}, LONG_MS);
afterAll(() => {
  execFileSync('chmod', ['-R', 'u+w', parent]);
  rmSync(parent, { recursive: true, force: true });
});

describe('what an image holds', () => {
  it('is what runs: no package for development, no spec, no support of tests, nothing of another machine', () => {
    const { packages } = JSON.parse(readFileSync(`${ROOT}package-lock.json`, 'utf8')) as { packages: Record<string, { dev?: boolean }> };
    const forDevelopment = Object.entries(packages).flatMap(([place, { dev }]) => (dev ? [place] : []));
    expect(forDevelopment.length).toBeGreaterThan(100);
    expect(forDevelopment.filter((place) => existsSync(join(app, place)))).toEqual([]);
    const files = execFileSync('find', [app, '-name', 'node_modules', '-prune', '-o', '-type', 'f', '-print'], { encoding: 'utf8' }).trim().split('\n').map((file) => file.slice(app.length + 1));
    expect(files.filter((file) => /\.(spec|contract)\.ts$|(^|\/)testing\/|^deploy\/(bench|scenarios|tidy)|^libs\/testkit/.test(file))).toEqual([]);
    expect(files).toEqual(expect.arrayContaining(['sluice', 'LICENSE', 'health-check.mjs', 'deploy/cli/src/main.ts', 'services/audit/migrations/0001_audit.sql', 'proto/gen/access/v1/access_pb.ts']));
    expect(execFileSync('find', [join(app, 'node_modules', '@sluice'), '-xtype', 'l'], { encoding: 'utf8' })).toBe('');
  });

  it('is small, and its size is said', () => {
    const megabytes = Number(execFileSync('du', ['-sm', app], { encoding: 'utf8' }).split('\t')[0]);
    expect(said).toContain(`${app}, ${megabytes} MB`);
    expect(megabytes).toBeLessThan(350);
  });

  it('is not made into a folder that is there', () => {
    const again = spawnSync('sh', [`${ROOT}deploy/docker/assemble.sh`, app], { encoding: 'utf8' });
    expect(again).toMatchObject({ status: 1, stderr: expect.stringContaining('is there already') });
    expect(spawnSync('sh', [`${ROOT}deploy/docker/assemble.sh`], { encoding: 'utf8' })).toMatchObject({ status: 1, stderr: expect.stringContaining('give the folder') });
  });
});

describe('the Dockerfile', () => {
  it('runs the same script, and starts what it makes as a user that is not root', () => {
    expect(instructions('RUN')[0]).toBe('deploy/docker/assemble.sh /app');
    expect(instructions('COPY')).toEqual(['. .', '--from=assembled /app /app']);
    expect(instructions('USER')).toEqual(['10001:10001']);
    const [started] = JSON.parse(instructions('ENTRYPOINT')[0]!) as string[];
    expect(statSync(started!.replace(/^\/app/, app)).isFile()).toBe(true);
    expect(instructions('STOPSIGNAL')).toEqual(['SIGTERM']);
  });

  it('names images by their official names alone', () => {
    const images = instructions('ARG').filter((words) => words.includes('IMAGE=')).map((words) => words.split('=')[1]);
    expect(images).toEqual(['node:24-bookworm-slim', 'debian:bookworm-slim']);
    expect(instructions('FROM')).toEqual(['${NODE_IMAGE} AS assembled', '${BASE_IMAGE}']);
  });
});

describe('what runs in a container', () => {
  const isRoot = process.getuid?.() === 0;
  const as = (words: readonly string[]): readonly string[] => (isRoot ? ['setpriv', `--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--clear-groups', ...words] : words);
  let data: string;
  let env: Record<string, string>;
  let platform: ChildProcess;
  let heard = '';
  beforeAll(async () => {
    data = join(parent, 'data');
    mkdirSync(data, { mode: 0o700 });
    mkdirSync(join(parent, 'tmp'), { mode: 0o777 });
    if (isRoot) for (const folder of ['data', 'tmp']) chownSync(join(parent, folder), NOBODY, NOBODY);
    // As a file system that is mounted read-only, for whoever runs this.
    execFileSync('chmod', ['-R', 'a-w', app]);
    // As the image sets them; the tools are those of its base.
    env = { PATH: '/usr/local/bin:/usr/bin:/bin', SLUICE_DATA: data, HOME: join(parent, 'tmp'), TMPDIR: join(parent, 'tmp'), SLUICE_PORT: '0', SLUICE_ADMIN_PORT: '0' };
    const command = JSON.parse(instructions('CMD').at(-1)!) as string[];
    const [file, ...args] = as([join(app, 'sluice'), ...command]);
    platform = spawn(file!, args, { env, cwd: '/', stdio: ['ignore', 'pipe', 'pipe'] });
    for (const stream of [platform.stdout!, platform.stderr!]) stream.setEncoding('utf8').on('data', (text: string) => (heard += text));
    while (!heard.includes('Ctrl-C stops it')) {
      if (platform.exitCode !== null) throw new Error(heard);
      await Promise.race([once(platform.stdout!, 'data'), once(platform, 'exit')]);
    }
  }, LONG_MS);
  afterAll(() => void platform.kill('SIGKILL'));

  const running = (): { url: string; pid: number } => JSON.parse(readFileSync(join(data, 'running.json'), 'utf8')) as { url: string; pid: number };
  const sluice = async (...words: string[]): Promise<string> => {
    const [file, ...args] = as([join(app, 'sluice'), ...words]);
    return (await run(file!, args, { env, cwd: '/' })).stdout;
  };
  // As Docker runs it: by a shell, with the settings of the container.
  const healthCheck = instructions('HEALTHCHECK')[0]!.split('CMD ')[1]!;
  const health = (settings: Record<string, string>): number | null => spawnSync('sh', ['-c', healthCheck.replaceAll('/app/', `${app}/`)], { env: settings }).status;

  it('is a whole platform, for a user that is not root, which answers a chat', async () => {
    await using upstream = await ScriptedUpstream.start();
    await sluice('model', 'add', 'tiny', '--openai', upstream.baseUrl);
    const answer = await sluice('chat', 'Hello');
    expect(answer.trim()).not.toBe('');
    expect(upstream.requests.length).toBe(1);
    const owner = statSync(`/proc/${running().pid}`).uid;
    expect(owner).toBe(isRoot ? NOBODY : process.getuid!());
    expect(await sluice('audit', 'list')).toContain('tiny');
  }, LONG_MS);

  it('has written nothing beside its data', () => {
    const newer = execFileSync('find', [app, '-newermt', `@${Math.ceil(startedMs / 1000)}`], { encoding: 'utf8' });
    expect(newer).toBe('');
  });

  it('is asked for its health as Docker asks, also where it is a part of a mesh', async () => {
    const { port } = new URL(running().url);
    expect([health({ SLUICE_PORT: port }), health({ SLUICE_PORT: '1' }), health({ SLUICE_HEALTH_LISTEN: '0.0.0.0:1' })]).toEqual([0, 1, 1]);
    // What answers there has no /livez, which shows where it was asked.
    expect(health({ SLUICE_HEALTH_LISTEN: `0.0.0.0:${port}` })).toBe(1);
  });

  it('ends by the signal that Docker sends', async () => {
    const ended = once(platform, 'close');
    platform.kill(instructions('STOPSIGNAL')[0] as NodeJS.Signals);
    expect(await ended).toEqual([0, null]);
    expect(heard).toContain('Stopped.');
  }, LONG_MS);
});
