import { chmod, mkdir, mkdtemp, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { loadRootKey } from './index.ts';

describe('the root key file', () => {
  let folder: string;
  let path: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sluice-root-key-'));
    path = join(folder, 'root.key');
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  it('is made once, for its owner alone, and read again', async () => {
    const first = await loadRootKey(path, { create: true });
    expect(await readFile(path)).toHaveLength(32);
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    const second = await loadRootKey(path, { create: false });
    expect(second.unwrap('p', first.wrap('p', Buffer.from('secret'))).toString()).toBe('secret');
    expect(await readdir(folder)).toEqual(['root.key']);
  });

  it('is one key when many processes make it at the same moment', async () => {
    const keys = await Promise.all(Array.from({ length: 16 }, () => loadRootKey(path, { create: true })));
    const wrapped = keys[0]!.wrap('p', Buffer.from('secret'));
    for (const key of keys) expect(key.unwrap('p', wrapped).toString()).toBe('secret');
    expect(await readdir(folder)).toEqual(['root.key']);
  });

  it('is not made unasked', async () => {
    await expect(loadRootKey(path, { create: false })).rejects.toMatchObject({ code: 'failed_precondition', message: expect.stringContaining(path) });
    expect(await readdir(folder)).toEqual([]);
  });

  it('is refused with its name and the mend when others may read it, and left as it is', async () => {
    await loadRootKey(path, { create: true });
    const before = await readFile(path);
    await chmod(path, 0o640);
    await expect(loadRootKey(path, { create: true })).rejects.toMatchObject({ message: expect.stringContaining(`chmod 600 ${path}`) });
    expect(await readFile(path)).toEqual(before);
  });

  it.each([0, 31, 33, 64])('is refused with %i bytes', async (length) => {
    await writeFile(path, Buffer.alloc(length), { mode: 0o600 });
    await expect(loadRootKey(path, { create: true })).rejects.toMatchObject({ message: expect.stringContaining(`${length} bytes`) });
  });

  it('is refused when it is a folder', async () => {
    await mkdir(path, { mode: 0o700 });
    await expect(loadRootKey(path, { create: true })).rejects.toMatchObject({ code: 'failed_precondition' });
  });

  it('names the folder that is missing', async () => {
    await expect(loadRootKey(join(folder, 'nowhere', 'root.key'), { create: true })).rejects.toThrow(/nowhere/);
  });
});
