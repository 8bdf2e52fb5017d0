import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { chmodSync, existsSync, mkdtempSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { CLI_WORDS, cleanEnvironment, runCli } from '../testing/run-cli.ts';

const LONG_MS = 120_000;
const READY_DEADLINE_MS = 60_000;

interface Ready {
  readonly url: string;
  readonly adminUrl: string;
  readonly apiKey: string;
  readonly adminKey: string;
  readonly pid: number;
}

interface Running {
  readonly child: ChildProcess;
  readonly ready: Ready;
  output(): string;
}

/** An ended process whose parent has not looked yet does not run any more. */
function isRunning(pid: number): boolean {
  try {
    return !/^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

describe('sluice up', () => {
  let parent: string;
  let data: string;
  const groups = new Set<ChildProcess>();
  beforeEach(() => {
    parent = mkdtempSync(join(tmpdir(), 'sluice-up-'));
    data = join(parent, 'data');
  });
  afterEach(async () => {
    for (const child of groups) await killGroup(child);
    groups.clear();
    await endOrphan();
    rmSync(parent, { recursive: true, force: true });
  });

  const words = (...more: string[]): string[] => ['up', '--data', data, '--port', '0', '--admin-port', '0', '--no-model', ...more];
  const state = (): Record<string, string> => ({ XDG_STATE_HOME: join(parent, 'state') });

  async function start(): Promise<Running> {
    const file = join(parent, 'ready.json');
    rmSync(file, { force: true });
    const child = spawn(process.execPath, [...CLI_WORDS, ...words('--ready-file', file)], { env: cleanEnvironment(), stdio: ['ignore', 'pipe', 'pipe'], detached: true });
    groups.add(child);
    let output = '';
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text: string) => (output += text));
    const untilMs = performance.now() + READY_DEADLINE_MS;
    while (!existsSync(file)) {
      if (child.exitCode !== null || performance.now() > untilMs) throw new Error(`not ready: ${output}`);
      await pause(20);
    }
    expect(statSync(file).mode & 0o777).toBe(0o600);
    return { child, ready: JSON.parse(readFileSync(file, 'utf8')) as Ready, output: () => output };
  }

  async function interrupt({ child }: Running): Promise<void> {
    const ended = once(child, 'exit');
    child.kill('SIGINT');
    expect(await ended).toEqual([0, null]);
  }

  async function killGroup(child: ChildProcess): Promise<void> {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    process.kill(-child.pid!, 'SIGKILL');
    await ended;
  }

  function postgresPid(): number | undefined {
    const file = join(data, 'postgres', 'postmaster.pid');
    return existsSync(file) ? Number(readFileSync(file, 'utf8').split('\n')[0]) : undefined;
  }

  async function endOrphan(): Promise<void> {
    const pid = postgresPid();
    if (pid !== undefined && isRunning(pid)) process.kill(pid, 'SIGQUIT');
    while (pid !== undefined && isRunning(pid)) await pause(10);
  }

  it('starts, says what is needed, stops all it started on Ctrl-C, and finds the same keys and data again', async () => {
    const first = await start();
    expect(first.output()).toContain(first.ready.apiKey);
    expect(first.output()).toContain('There is no model yet');
    expect(first.output()).not.toContain('warn:');
    expect((await fetch(`${first.ready.url}/healthz`)).status).toBe(200);
    expect(await runCli(['key', 'create', 'kept', '--data', data])).toMatchObject({ code: 0 });
    const second = await runCli(words());
    expect(second).toMatchObject({ code: 1, stderr: expect.stringContaining(`in use by process ${first.child.pid}`) });
    const database = postgresPid()!;
    await interrupt(first);
    expect(first.output()).toContain('Stopped.');
    expect([isRunning(database), existsSync(join(parent, 'ready.json')), existsSync(join(data, 'running.json')), existsSync(join(data, 'lock'))]).toEqual([false, false, false, false]);
    const again = await start();
    expect([again.ready.apiKey, again.ready.adminKey]).toEqual([first.ready.apiKey, first.ready.adminKey]);
    expect((await runCli(['key', 'list', '--data', data])).stdout).toContain('kept');
    await interrupt(again);
  }, LONG_MS);

  it('recovers by itself after kill -9 of the whole group, with the database left running', async () => {
    const killed = await start();
    expect(await runCli(['audit', 'verify', '--data', data], { env: state() })).toMatchObject({ code: 0 });
    const database = postgresPid()!;
    await killGroup(killed.child);
    expect(isRunning(database)).toBe(true);
    const again = await start();
    expect(again.ready.apiKey).toBe(killed.ready.apiKey);
    expect(isRunning(database)).toBe(false);
    const verified = await runCli(['audit', 'verify', '--data', data], { env: state() });
    expect(verified).toMatchObject({ code: 0, stdout: expect.stringContaining('continues the') });
    await interrupt(again);
  }, LONG_MS);

  it('is backed up while it runs and when it is stopped; a restored platform verifies and has its keys', async () => {
    const running = await start();
    expect(await runCli(['backup', join(parent, 'hot'), '--data', data])).toMatchObject({ code: 0 });
    await interrupt(running);
    expect(await runCli(['backup', join(parent, 'cold'), '--data', data])).toMatchObject({ code: 0 });
    for (const copy of ['hot', 'cold']) {
      expect(await runCli(['restore', join(parent, copy), '--data', data])).toMatchObject({ code: 1, stderr: expect.stringContaining('not empty') });
      expect(await runCli(['restore', join(parent, copy), '--data', data, '--force'])).toMatchObject({ code: 0, stdout: expect.stringContaining('What was there is now') });
      const restored = await start();
      expect(restored.ready.adminKey).toBe(running.ready.adminKey);
      expect(await runCli(['audit', 'verify', '--data', data], { env: state() })).toMatchObject({ code: 0 });
      await interrupt(restored);
    }
  }, LONG_MS);

  it('refuses to start, and touches nothing, when a port is taken, the folder is newer or the root key is lost', async () => {
    const other = createServer();
    await once(other.listen(0, '127.0.0.1'), 'listening');
    const { port } = other.address() as AddressInfo;
    expect(await runCli(['up', '--data', data, '--port', String(port), '--admin-port', '0'])).toMatchObject({ code: 1, stderr: expect.stringContaining('is taken') });
    await new Promise((closed) => other.close(closed));
    expect(existsSync(data)).toBe(false);

    await interrupt(await start());
    const layout = readFileSync(join(data, 'layout.json'), 'utf8');
    writeFileSync(join(data, 'layout.json'), '{"version":99}');
    expect(await runCli(words())).toMatchObject({ code: 1, stderr: expect.stringContaining('newer Sluice') });
    writeFileSync(join(data, 'layout.json'), layout);
    renameSync(join(data, 'root.key'), join(parent, 'root.key'));
    expect(await runCli(words())).toMatchObject({ code: 1, stderr: expect.stringContaining('is lost') });
    expect(existsSync(join(data, 'root.key'))).toBe(false);
    renameSync(join(parent, 'root.key'), join(data, 'root.key'));
    chmodSync(join(data, 'root.key'), 0o644);
    expect(await runCli(words())).toMatchObject({ code: 1, stderr: expect.stringContaining('chmod 600') });
    expect(postgresPid()).toBeUndefined();
  }, LONG_MS);
});
