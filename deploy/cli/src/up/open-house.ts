import { rmSync } from 'node:fs';
import { writeRunning, type Credentials } from '../data-folder/credentials.ts';
import type { DataFolder } from '../data-folder/data-folder.ts';
import { HttpApi } from '../platform-api/http-api.ts';
import { readSettings } from '../settings.ts';
import { bringDemoModel } from './demo-model.ts';
import type { ReadyFile } from './ready-file.ts';
import { screen } from './screen.ts';
import type { Addresses, UpOptions } from './up-options.ts';
import { waitForModel } from './wait-for-model.ts';

export interface OpenHouse {
  readonly options: UpOptions;
  readonly addresses: Addresses;
  readonly folder: DataFolder;
  readonly credentials: Credentials;
  readonly readyFile: ReadyFile;
  /** Takes what is to be undone at the end. */
  readonly stack: AsyncDisposableStack;
  /** Aborts when the platform is to stop. */
  readonly signal: AbortSignal;
  readonly startedMs: number;
}

/** Of services that run: lets commands find them, brings the model, says that they are ready, and stays until the signal; then throws its reason. */
export async function openHouse({ options, addresses, folder, credentials, readyFile, stack, signal, startedMs }: OpenHouse): Promise<never> {
  const { url, adminUrl, grpcAddress } = addresses;
  stack.defer(() => rmSync(folder.running, { force: true }));
  writeRunning(folder, { url, adminUrl, pid: process.pid });
  const api = new HttpApi(`${adminUrl}/admin/v1`, credentials.adminKey, adminUrl);
  if (options.model) await bringDemoModel({ api, folder, again: options.demoModel ?? false, signal });
  const model = await waitForModel(api, folder, signal);
  signal.throwIfAborted();
  stack.defer(() => readyFile.remove());
  readyFile.write({ url, adminUrl, ...(grpcAddress !== undefined && { grpcAddress }), ...credentials, pid: process.pid });
  process.stdout.write(screen({ url, adminUrl, grpcAddress, credentials, dataDir: folder.root, usualDataDir: readSettings().dataDir, credentialsFile: folder.credentials, model, startedInMs: performance.now() - startedMs }));
  await new Promise((stopped) => signal.addEventListener('abort', stopped, { once: true }));
  throw signal.reason;
}
