import { mkdtemp, rename, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { ServiceError } from '@sluice/errors';
import { OtherWeights, type LoadSettings, type ModelProcess } from '../domain/model-process.ts';
import { KnownWeights } from './known-weights.ts';

const DIGEST = `sha256:${'a'.repeat(64)}`;

describe('the memory of checked weights', () => {
  let folder: string;
  let path: string;
  /** The digest that each start was to check. */
  let checked: (string | undefined)[];
  let weights: KnownWeights;
  let fault: ServiceError | undefined;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'weights-'));
    path = join(folder, 'm.gguf');
    await writeFile(path, 'one');
    [checked, fault] = [[], undefined];
    weights = new KnownWeights(async (_model, { weightsDigest }) => {
      checked.push(weightsDigest);
      if (fault) throw fault;
      return {} as ModelProcess;
    });
  });
  afterEach(() => rm(folder, { recursive: true }));

  const start = (weightsDigest: string | undefined = DIGEST): Promise<ModelProcess> => {
    const settings: LoadSettings = { weightsPath: path, sequences: 1, contextTokens: 64, threads: 1, ...(weightsDigest !== '' && { weightsDigest }) };
    return weights.start('m', settings, new AbortController().signal);
  };

  it('has the same file checked once', async () => {
    await start();
    await start();
    await start('');
    expect(checked).toEqual([DIGEST, undefined, undefined]);
  });

  it.each([
    ['another size', () => writeFile(path, 'longer')],
    ['other times', () => utimes(path, 1, 1)],
    ['another file in its place', async () => {
      await writeFile(`${path}.new`, 'two');
      await rename(`${path}.new`, path);
    }],
  ])('has a file with %s checked again', async (_what, change) => {
    await start();
    await change();
    await start();
    expect(checked).toEqual([DIGEST, DIGEST]);
  });

  it('has it checked again against another digest, and after a failure', async () => {
    fault = new ServiceError('failed_precondition', 'no memory');
    await expect(start()).rejects.toBe(fault);
    fault = undefined;
    await start();
    const other = `sha256:${'b'.repeat(64)}`;
    await start(other);
    expect(checked).toEqual([DIGEST, DIGEST, other]);
  });

  it('refuses a file of another digest without reading it again, until it changes', async () => {
    fault = new ServiceError('failed_precondition', 'other weights', { cause: new OtherWeights('m') });
    await expect(start()).rejects.toBe(fault);
    await expect(start()).rejects.toBe(fault);
    expect(checked).toEqual([DIGEST]);
    fault = undefined;
    await writeFile(path, 'the registered ones');
    await start();
    expect(checked).toEqual([DIGEST, DIGEST]);
  });

  it('leaves what is wrong with a file that is not there to its start', async () => {
    await rm(path);
    await start();
    await start();
    expect(checked).toEqual([DIGEST, DIGEST]);
  });
});
