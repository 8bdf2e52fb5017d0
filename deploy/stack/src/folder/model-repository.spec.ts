import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Choices } from './choices.ts';
import { checkModelsStay, checkRepository, wantedModels } from './model-repository.ts';
import { stackFolder } from './stack-folder.ts';

describe('the model repository of Triton', () => {
  const folder = stackFolder('/data-stack');
  const choices: Choices = { version: 1, route: 'packages', small: true, portOffset: 0, clusterId: 'x'.repeat(22), postgresPassword: 'p', redisPassword: 'r' };
  let path: string;
  beforeEach(async () => void (path = await mkdtemp(join(tmpdir(), 'models-'))));
  afterEach(async () => rm(path, { recursive: true }));

  it('is a folder of models, each with its configuration or a version; one without models may get them later', async () => {
    await checkRepository(path);
    await writeFile(join(path, 'notes.txt'), '');
    await mkdir(join(path, 'double'));
    await expect(checkRepository(path)).rejects.toThrow(`${path} is no model repository of Triton: that is a folder with a folder for each model`);
    await expect(checkRepository(join(path, 'notes.txt'))).rejects.toThrow('no model repository');
    await mkdir(join(path, 'double', '1'));
    await checkRepository(path);
    await rm(join(path, 'double', '1'), { recursive: true });
    await writeFile(join(path, 'double', 'config.pbtxt'), '');
    await checkRepository(path);
  });

  it('stays what it was until another is asked for; the path of its own brings that back', () => {
    expect([wantedModels(folder, undefined, choices), wantedModels(folder, '/m', choices)]).toEqual([undefined, '/m']);
    expect([wantedModels(folder, undefined, { ...choices, models: '/m' }), wantedModels(folder, folder.models, { ...choices, models: '/m' })]).toEqual(['/m', undefined]);
  });

  it('is not another one while Triton runs', () => {
    checkModelsStay(folder, choices, '/m', false);
    checkModelsStay(folder, choices, undefined, true);
    expect(() => checkModelsStay(folder, choices, '/m', true)).toThrow('Triton runs with the model repository /data-stack/triton/models, and --models means /m. Nothing was changed. Stop the stack and start it with the other one:\n  sluice stack down --data /data-stack\n  sluice stack up --data /data-stack --models /m');
    expect(() => checkModelsStay(folder, { ...choices, models: '/m' }, undefined, true)).toThrow('stack up --data /data-stack --models own');
  });
});
