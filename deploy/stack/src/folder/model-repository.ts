import { readdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { StackError } from '../stack-error.ts';
import type { Choices } from './choices.ts';
import type { StackFolder } from './stack-folder.ts';

const VERSION_FOLDER = /^\d+$/;

/** The repository that Triton is to serve: undefined for its own in the data folder, which may be asked for by its path. */
export function wantedModels(folder: StackFolder, asked: string | undefined, before: Choices): Choices['models'] {
  if (asked === undefined) return before.models;
  return resolve(asked) === folder.models ? undefined : asked;
}

/** @throws StackError for a folder that is no model repository of Triton; an empty one is one without models yet */
export async function checkRepository(path: string): Promise<void> {
  const entries = await readdir(path, { withFileTypes: true }).catch(() => undefined);
  if (entries?.length === 0) return;
  for (const { name } of entries ?? []) {
    const inside = await readdir(join(path, name)).catch(() => []);
    if (inside.some((one) => one === 'config.pbtxt' || VERSION_FOLDER.test(one))) return;
  }
  throw new StackError(`${path} is no model repository of Triton: that is a folder with a folder for each model, which holds its config.pbtxt and a folder for each version (1, 2, ...). Give another one with --models.`);
}

/** @throws StackError where Triton runs with another repository: a server that runs keeps the one that it was started with */
export function checkModelsStay(folder: StackFolder, before: Choices, wanted: Choices['models'], isRunning: boolean): void {
  if (!isRunning || wanted === before.models) return;
  const at = `--data ${folder.root}`;
  throw new StackError(`Triton runs with the model repository ${before.models ?? folder.models}, and --models means ${wanted ?? folder.models}. Nothing was changed. Stop the stack and start it with the other one:\n  sluice stack down ${at}\n  sluice stack up ${at} --models ${wanted ?? 'own'}`);
}
