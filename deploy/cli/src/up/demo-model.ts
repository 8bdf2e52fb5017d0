import { basename } from 'node:path';
import { DEMO_MODEL, fetchDemoModel } from '@sluice/local-engine/weights';
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
}

/**
 * Brings the demonstration model into a new house, once: who has had a model and removed it does not want this one back
 * unasked. That it cannot be brought is no failure: says what is missing and how to add it.
 */
export async function bringDemoModel({ api, folder, again, signal }: DemoModelOptions): Promise<void> {
  const known = (await api.get('/models', models)).data.filter(isServed);
  const wanted = again ? !known.some(({ name }) => name === DEMO_MODEL.name) : known.length === 0;
  if (!wanted) return void remember(folder);
  if (!again && readFileIfThere(folder.demoModel) !== undefined) return void process.stderr.write(asTyped('There is no model. The demonstration model comes back with: sluice up --demo-model\n'));
  const bar = new ProgressBar('bringing a small model');
  const fetched = await fetchDemoModel({ cacheDir: folder.models, signal, onProgress: ({ bytes, totalBytes }) => bar.update(bytes, totalBytes) }).finally(() => bar.end());
  if (!fetched.ok) return void process.stderr.write(`${asTyped(fetched.explanation)}\n`);
  await api.send('POST', '/models', model, { name: fetched.name, gguf: { path: basename(fetched.path), digest: fetched.digest } });
  remember(folder);
}

function isServed({ deployments }: { readonly deployments: readonly { readonly state: string }[] }): boolean {
  return deployments.some(({ state }) => state !== 'removed');
}

function remember(folder: DataFolder): void {
  if (readFileIfThere(folder.demoModel) === undefined) writePrivateFile(folder.demoModel, `${JSON.stringify({ offered: DEMO_MODEL.name })}\n`);
}
