import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { checkFolder } from './check-folder.ts';
import { chosen, keepModels, moveTo, readChoices } from './choices.ts';
import { isAtWork, takeCommandLock, takeTurn } from './command-lock.ts';
import { readStackFile, writeStackFile } from './stack-file.ts';
import { stackFolder } from './stack-folder.ts';

let folder: string;
let path: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'stack-'));
  path = join(folder, 'choices.json');
});
afterEach(async () => rm(folder, { recursive: true }));

describe('what is chosen for a folder', () => {
  it('holds for every later start, and is for its owner alone', async () => {
    const made = await chosen(path, { small: true, route: 'packages' });
    expect(made).toMatchObject({ small: true, portOffset: 0 });
    expect(made.postgresPassword).not.toBe(made.redisPassword);
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect(await chosen(path, { small: undefined, route: 'packages' })).toEqual(made);
    await moveTo(path, made, 300);
    expect(await readChoices(path)).toEqual({ ...made, portOffset: 300 });
  });

  it('are other models once these are served, and its own again', async () => {
    const made = await chosen(path, { small: true, route: 'packages' });
    await keepModels(path, '/m');
    expect(await chosen(path, { small: undefined, route: 'packages' })).toEqual({ ...made, models: '/m' });
    await keepModels(path, undefined);
    expect(await chosen(path, { small: undefined, route: 'packages' })).toEqual(made);
  });

  it('keeps three brokers three: their topics have replicas on all of them', async () => {
    await chosen(path, { small: undefined, route: 'packages' });
    await expect(chosen(path, { small: true, route: 'packages' })).rejects.toThrow('three brokers');
  });

  it('is not made anew where the file is damaged', async () => {
    await writeFile(path, '{"version":1');
    await expect(chosen(path, { small: true, route: 'packages' })).rejects.toThrow('cannot be read');
    expect(await readFile(path, 'utf8')).toBe('{"version":1');
  });
});

describe('stack.json', () => {
  it('is read back as it was written, by its owner alone', async () => {
    const file = { version: 1, route: 'packages', small: false, engines: { redis: { address: 'redis://:p@h', pid: 7, started: '7 1 b', log: '/l' } } } as const;
    expect(await readStackFile(join(folder, 'stack.json'))).toBeUndefined();
    await writeStackFile(join(folder, 'stack.json'), file);
    expect(await readStackFile(join(folder, 'stack.json'))).toEqual(file);
    expect((await stat(join(folder, 'stack.json'))).mode & 0o777).toBe(0o600);
  });
});

describe('the data folder', () => {
  it('is not taken where somebody keeps other things, such as a platform', async () => {
    await checkFolder(stackFolder(join(folder, 'new')));
    await mkdir(join(folder, 'logs'));
    await checkFolder(stackFolder(folder));
    await mkdir(join(folder, 'postgres'));
    await expect(checkFolder(stackFolder(folder))).rejects.toThrow('holds other things');
    await chosen(path, { small: true, route: 'packages' });
    await checkFolder(stackFolder(folder));
    await expect(checkFolder(stackFolder(path))).rejects.toThrow('is not a folder');
    await expect(checkFolder(stackFolder('/a,b'))).rejects.toThrow('comma');
  });
});

describe('the lock of a command', () => {
  it('gives turns to starts, which wait for each other or are given up', async () => {
    const first = await takeTurn(() => undefined, new AbortController().signal);
    const giveUp = new AbortController();
    const refused = takeTurn(() => giveUp.abort(new Error('given up')), giveUp.signal);
    await expect(refused).rejects.toThrow('given up');
    const second = takeTurn(() => undefined, new AbortController().signal);
    await first.release();
    await (await second).release();
  });

  it('keeps a second command out until the first has ended', async () => {
    const lock = join(folder, 'lock');
    const first = await takeCommandLock(lock);
    await expect(takeCommandLock(lock)).rejects.toThrow('at work');
    expect(await isAtWork(lock)).toBe(true);
    await first.release();
    expect([await isAtWork(lock), await isAtWork(join(folder, 'none'))]).toEqual([false, false]);
    await (await takeCommandLock(lock)).release();
  });
});
