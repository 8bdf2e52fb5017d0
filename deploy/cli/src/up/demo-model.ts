import type { DataFolder } from '../data-folder/data-folder.ts';
import { model, models } from '../platform-api/answers.ts';
import type { HttpApi } from '../platform-api/http-api.ts';
import { ProgressBar } from '../terminal/progress-bar.ts';

export interface DemoModelOptions {
  readonly api: HttpApi;
  readonly folder: DataFolder;
  readonly signal: AbortSignal;
}

/**
 * Brings the demonstration model where there is no model at all. That it cannot be
 * brought is no failure: says what is missing and how to add it.
 */
export async function bringDemoModel({ api, folder, signal }: DemoModelOptions): Promise<void> {
  if ((await api.get('/models', models)).data.length > 0) return;
  const { fetchDemoModel } = await import('../model-weights/fetch-demo-model.ts');
  const bar = new ProgressBar('bringing a small model');
  const fetched = await fetchDemoModel({ cacheDir: folder.models, signal, onProgress: ({ bytes, totalBytes }) => bar.update(bytes, totalBytes) }).finally(() => bar.end());
  if (!fetched.ok) return void process.stderr.write(`${fetched.explanation}\n`);
  await api.send('POST', '/models', model, { name: fetched.name, gguf: { path: fetched.path, digest: fetched.digest } });
}
