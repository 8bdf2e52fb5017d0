import { chmod, mkdir, mkdtemp, readFile, readdir, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { silentLogger, type Logger } from '@sluice/telemetry';
import { DigestFile } from './digest-file.ts';

const digest = (digit: string): string => `sha256:${digit.repeat(64)}`;

describe('the file of known digests', () => {
  let folder: string;
  let path: string;
  let said: string[];
  const logger: Logger = { ...silentLogger, warn: (_fields, message) => void said.push(message) };
  const open = (): DigestFile => new DigestFile(path, logger);
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'digests-'));
    path = join(folder, 'known-weights.json');
    said = [];
  });
  afterEach(() => rm(folder, { recursive: true }));

  it('keeps digests for the next start, for its owner alone, and nothing beside them', async () => {
    const first = open();
    await Promise.all([first.keep('/a', '1', digest('a')), first.keep('/b', '2', digest('b')), first.keep('/a', '3', digest('c'))]);
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect(await readdir(folder)).toEqual(['known-weights.json']);
    const next = open();
    expect([await next.find('/a', '3'), await next.find('/b', '2')]).toEqual([digest('c'), digest('b')]);
    expect([await next.find('/a', '1'), await next.find('/c', '3')]).toEqual([undefined, undefined]);
    expect(said).toEqual([]);
  });

  it.each([
    ['cut off', () => truncate(path, 20)],
    ['of another version', async () => writeFile(path, (await readFile(path, 'utf8')).replace('"version":1', '"version":2'))],
    ['of something else', () => writeFile(path, '[]')],
    ['with a digest that is none', async () => writeFile(path, (await readFile(path, 'utf8')).replace('sha256:', 'md5:'))],
    ['far too large', () => truncate(path, 2 ** 30)],
    ['that others may write', () => chmod(path, 0o666)],
    ['that is a folder', async () => {
      await rm(path);
      await mkdir(path);
    }],
  ])('knows nothing from a file %s, and says so', async (_what, spoil) => {
    await open().keep('/a', '1', digest('a'));
    await spoil();
    expect(await open().find('/a', '1')).toBeUndefined();
    expect(said).toEqual(['the digests of known weights cannot be read; weights are hashed again']);
  });

  it('is whole again after the next digest was learned', async () => {
    await writeFile(path, 'rubbish');
    await writeFile(`${path}.new`, 'a draft that a crash left, longer than what comes now '.repeat(100));
    await open().keep('/a', '1', digest('a'));
    expect(await open().find('/a', '1')).toBe(digest('a'));
    expect(await readdir(folder)).toEqual(['known-weights.json']);
  });

  it('knows on, and says so, where it cannot write', async () => {
    path = join(folder, 'no-such-folder', 'known-weights.json');
    const digests = open();
    await digests.keep('/a', '1', digest('a'));
    expect(await digests.find('/a', '1')).toBe(digest('a'));
    expect(said).toEqual(['the digests of known weights cannot be written; weights are hashed again at the next start']);
  });

  it('forgets the oldest of more than a thousand', async () => {
    const files = Array.from({ length: 1_000 }, (_, index) => ({ path: `/${index}`, stamp: '1', digest: digest('a') }));
    await writeFile(path, JSON.stringify({ version: 1, files }), { mode: 0o600 });
    await open().keep('/new', '1', digest('b'));
    const next = open();
    expect([await next.find('/0', '1'), await next.find('/1', '1'), await next.find('/new', '1')]).toEqual([undefined, digest('a'), digest('b')]);
  });
});
