import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { DEMO_MODEL, fetchDemoModel, weightsFileName } from '@sluice/local-engine/weights';
import type { z } from 'zod';
import type { DataFolder } from '../data-folder/data-folder.ts';
import { readFileIfThere, writePrivateFile } from '../data-folder/private-file.ts';
import { model, models } from '../platform-api/answers.ts';
import type { HttpApi } from '../platform-api/http-api.ts';
import { ProgressBar } from '../terminal/progress-bar.ts';
import { asTyped } from '../terminal/typed-command.ts';

export interface DemoModelOptions {
  readonly api: HttpApi;
  readonly folder: DataFolder;
  /** Bring it although it was there once and was removed. */
  readonly again: boolean;
  readonly signal: AbortSignal;
  /** Which Pythons to look for, where the usual ones do not do. */
  readonly pythons?: readonly string[];
}

const DIGEST = `sha256:${DEMO_MODEL.weights.sha256}`;

/**
 * Brings the demonstration model into a new house, once: who has had a model and removed it does not want this one back
 * unasked. That its weights cannot be brought is no failure: says what is missing and how to add it. The model is
 * registered all the same, so that a call to it is told the same, and a later start tries to bring them again.
 */
export async function bringDemoModel({ api, folder, again, signal, ...fetching }: DemoModelOptions): Promise<void> {
  const known = (await api.get('/models', models)).data.filter(isServed);
  const present = known.find(({ name }) => name === DEMO_MODEL.name);
  const wanted = present ? lacksWeights(present, folder) : again || known.length === 0;
  if (!wanted) return remember(folder);
  if (!present && !again && readFileIfThere(folder.demoModel) !== undefined) return say(`There is no model. The demonstration model comes back with: sluice ${existsSync(folder.mesh) ? 'mesh up' : 'up'} --demo-model`);
  const bar = new ProgressBar('bringing a small model');
  const fetched = await fetchDemoModel({ ...fetching, cacheDir: folder.models, signal, onProgress: ({ bytes, totalBytes }) => bar.update(bytes, totalBytes) }).finally(() => bar.end());
  if (!fetched.ok) say(fetched.explanation);
  if (!present) await api.send('POST', '/models', model, { name: DEMO_MODEL.name, gguf: { path: DEMO_MODEL.weights.file, digest: DIGEST } });
  remember(folder);
}

type Known = z.infer<typeof models>['data'][number];

function isServed({ deployments }: Known): boolean {
  return deployments.some(({ state }) => state !== 'removed');
}

/** Whether this is the demonstration model as a start registered it, with its weights neither where a start nor where `model add` puts them. */
export function lacksWeights({ name, versions, deployments }: Known, { models: weights }: DataFolder): boolean {
  if (name !== DEMO_MODEL.name) return false;
  const places = [DEMO_MODEL.weights.file, weightsFileName(DEMO_MODEL.weights.sha256)].map((name) => join(weights, name));
  const served = deployments.filter(({ state }) => state !== 'removed');
  return served.length === 1 && served[0]!.target === 'local' && versions.at(-1)?.digest === DIGEST && !places.some((path) => existsSync(path));
}

function remember(folder: DataFolder): void {
  if (readFileIfThere(folder.demoModel) === undefined) writePrivateFile(folder.demoModel, `${JSON.stringify({ offered: DEMO_MODEL.name })}\n`);
}

function say(text: string): void {
  process.stderr.write(`${asTyped(text)}\n`);
}
