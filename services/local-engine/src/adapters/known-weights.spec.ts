import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rename, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { silentLogger } from '@sluice/telemetry';
import type { LoadSettings, ModelProcess } from '../domain/model-process.ts';
import { DigestFile } from './digest-file.ts';
import { KnownWeights } from './known-weights.ts';

const sha256 = (bytes: string | Buffer): string => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
const ONE = sha256('one');

describe('the memory of checked weights', () => {
  let folder: string;
  let path: string;
  /** What each start that came so far was to check; undefined: nothing was read. */
  let checked: (string | undefined)[];
  let digests: DigestFile;
  let weights: KnownWeights;
  let fault: Error | undefined;

  /** The platform is started anew: what it knows is what it kept. */
  const restart = async (): Promise<void> => {
    await digests?.settled();
    digests = new DigestFile(join(folder, 'known-weights.json'), silentLogger);
    weights = new KnownWeights(async (_model, { weightsDigest }, _signal, onDigest) => {
      checked.push(weightsDigest);
      if (weightsDigest !== undefined) {
        const digest = sha256(await readFile(path));
        onDigest(digest);
        if (digest !== weightsDigest) throw new Error('refused by the process');
      }
      if (fault) throw fault;
      return {} as ModelProcess;
    }, digests);
  };

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'weights-'));
    path = join(folder, 'm.gguf');
    await writeFile(path, 'one');
    [checked, fault] = [[], undefined];
    await restart();
  });
  afterEach(async () => {
    await digests.settled();
    await rm(folder, { recursive: true });
  });

  const start = (weightsDigest: string | undefined = ONE): Promise<ModelProcess> => {
    const settings: LoadSettings = { weightsPath: path, sequences: 1, contextTokens: 64, threads: 1, ...(weightsDigest !== '' && { weightsDigest }) };
    return weights.start('m', settings, new AbortController().signal);
  };

  it('has the same file read once, also when the platform is started again', async () => {
    await start();
    await start();
    await start('');
    await restart();
    await start();
    expect(checked).toEqual([ONE, undefined, undefined, undefined]);
  });

  it.each([
    ['another size', () => writeFile(path, 'longer'), sha256('longer')],
    ['other times', () => utimes(path, 1, 1), ONE],
    ['the old times back', async () => {
      await writeFile(path, 'two');
      await utimes(path, 1, 1);
    }, sha256('two')],
    ['another file in its place', async () => {
      await writeFile(`${path}.new`, 'two');
      await rename(`${path}.new`, path);
    }, sha256('two')],
  ])('has a file with %s read again, now and at the next start', async (_what, change, digest) => {
    await utimes(path, 1, 1);
    await start();
    await change();
    await restart();
    await start(digest);
    await start(digest);
    expect(checked).toEqual([ONE, digest, undefined]);
  });

  it('reads nothing again after a failure that came behind the check', async () => {
    fault = new Error('no memory');
    await expect(start()).rejects.toBe(fault);
    fault = undefined;
    await restart();
    await start();
    expect(checked).toEqual([ONE, undefined]);
  });

  it('refuses a file of another digest without reading it, until it changes', async () => {
    const other = sha256('the registered ones');
    await expect(start(other)).rejects.toThrow('refused by the process');
    await restart();
    await expect(start(other)).rejects.toMatchObject({ code: 'failed_precondition', message: "The model 'm' cannot be loaded: its weights are not those that were registered." });
    expect(checked).toEqual([other]);
    await writeFile(path, 'the registered ones');
    await start(other);
    expect(checked).toEqual([other, other]);
  });

  it('leaves what is wrong with a file that is not there to its start', async () => {
    await rm(path);
    await expect(start()).rejects.toMatchObject({ code: 'ENOENT' });
    await expect(start()).rejects.toMatchObject({ code: 'ENOENT' });
    expect(checked).toEqual([ONE, ONE]);
  });
});
