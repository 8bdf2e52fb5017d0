import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { endProcess } from './end-process.ts';
import { findEngine, FOLDER_HELD_CODE, isAlive, startEngine, type EngineProcess } from './engine-process.ts';
import { endLeftBehind } from './left-behind.ts';
import { runTool } from './run-tool.ts';

const PATIENCE_MS = 20_000;
let folder: string;
let started: EngineProcess[];
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'engine-'));
  started = [];
});
afterEach(async () => {
  for (const server of started) await endProcess(server, 'SIGKILL', PATIENCE_MS);
  await rm(folder, { recursive: true });
});

async function start(words: readonly string[]): ReturnType<typeof startEngine> {
  const server = await startEngine({ words, env: { PATH: '/usr/bin:/bin' }, cwd: folder }, join(folder, 'server.lock'), join(folder, 'log'));
  started.push(server);
  return server;
}

describe('the process of an engine', () => {
  it('keeps a second one off its folder for as long as it lives', async () => {
    const first = await start(['sleep', '600']);
    const second = await start(['sleep', '600']);
    expect(await second.exited).toBe(FOLDER_HELD_CODE);
    expect(await endProcess(first, 'SIGTERM', PATIENCE_MS)).toBe('stopped');
    const third = await start(['sleep', '600']);
    expect(await isAlive(third)).toBe(true);
  });

  it('is found by its program and a path of its own when nobody wrote it down', async () => {
    const file = join(folder, 'log');
    const server = await start(['tail', '-f', file]);
    // The lock is taken by another program, which then becomes this one.
    let found: EngineProcess | undefined;
    while (found === undefined && (await isAlive(server))) found = await findEngine({ program: 'tail', path: file });
    expect(found).toEqual({ pid: server.pid, started: server.started });
    expect(await findEngine({ program: 'java', path: file })).toBeUndefined();
    expect(await findEngine({ program: 'tail', path: join(folder, 'other') })).toBeUndefined();
  });

  it('may be killed and leave a child that holds the folder: it is ended, a server is not', async () => {
    const lock = join(folder, 'server.lock');
    const killed = await start(['sh', '-c', 'sleep 600 & echo ready; wait']);
    while (!(await runTool(['cat', join(folder, 'log')])).includes('ready')) expect(await isAlive(killed)).toBe(true);
    process.kill(killed.pid, 'SIGKILL');
    await killed.exited;
    await endLeftBehind(lock, 'sleep');
    expect(await (await start(['true'])).exited).toBe(FOLDER_HELD_CODE);
    await endLeftBehind(lock, 'sh');
    expect(await (await start(['true'])).exited).toBe(0);
  });

  it('is killed when it does not go by itself, with the children it leaves', async () => {
    const server = await start(['sh', '-c', "trap '' TERM; sleep 600 & echo ready; wait; wait; sleep 600"]);
    while (!(await runTool(['cat', join(folder, 'log')])).includes('ready')) expect(await isAlive(server)).toBe(true);
    expect(await endProcess(server, 'SIGTERM', 200)).toBe('killed');
    expect(await isAlive(server)).toBe(false);
    expect((await start(['true']).then(async ({ exited }) => exited))).toBe(0);
    expect(await endProcess(server, 'SIGTERM', 200)).toBe('gone');
  });
});
