import { rmSync } from 'node:fs';
import { startHost, type HostConfig } from '@sluice/host';
import type { EmbeddedPlatform } from '@sluice/platform';
import { makeBackup } from '../data-folder/backup.ts';
import { writeRunning, type Credentials } from '../data-folder/credentials.ts';
import type { DataFolder } from '../data-folder/data-folder.ts';
import { HttpApi } from '../platform-api/http-api.ts';
import type { Settings } from './all-settings.ts';
import { addressesOf, compose, type ComposeOptions } from './compose.ts';
import { openTelemetry } from './open-telemetry.ts';
import { bringDemoModel } from './demo-model.ts';
import type { ReadyFile } from './ready-file.ts';
import { screen } from './screen.ts';
import type { UpOptions } from './up-options.ts';
import { waitForModel } from './wait-for-model.ts';

export interface Serving {
  readonly options: UpOptions;
  readonly settings: Settings;
  readonly listen: ComposeOptions['listen'];
  readonly folder: DataFolder;
  readonly config: HostConfig;
  readonly platform: EmbeddedPlatform;
  readonly credentials: Credentials;
  readonly readyFile: ReadyFile;
  /** Takes what is to be undone at the end. */
  readonly stack: AsyncDisposableStack;
  /** Aborts when the platform is to stop. */
  readonly signal: AbortSignal;
  readonly startedMs: number;
}

/** Starts the services, says when they are ready, and stays until the signal; then throws its reason. */
export async function serve(serving: Serving): Promise<never> {
  const { options, settings, listen, folder, platform, credentials, readyFile, stack, signal } = serving;
  const telemetry = await openTelemetry(settings);
  stack.defer(async () => telemetry.shutdown());
  const stages = compose({
    platform: platform.platform,
    settings,
    modelsFolder: folder.models,
    knownWeightsFile: folder.knownWeights,
    credentials,
    listen,
    metrics: async () => telemetry.prometheusText(),
    backup: backupOf(serving),
  });
  const host = await startHost({ logger: platform.platform.logger, stages });
  stack.defer(async () => host.stop());
  signal.throwIfAborted();
  const { url, adminUrl } = addressesOf(host);
  stack.defer(() => rmSync(folder.running, { force: true }));
  writeRunning(folder, { url, adminUrl, pid: process.pid });
  const api = new HttpApi(`${adminUrl}/admin/v1`, credentials.adminKey, adminUrl);
  if (options.model) await bringDemoModel({ api, folder, again: options.demoModel ?? false, signal });
  const model = await waitForModel(api, folder, signal);
  signal.throwIfAborted();
  stack.defer(() => readyFile.remove());
  readyFile.write({ url, adminUrl, ...credentials, pid: process.pid });
  process.stdout.write(screen({ url, adminUrl, credentials, dataDir: folder.root, credentialsFile: folder.credentials, model, startedInMs: performance.now() - serving.startedMs }));
  await new Promise((stopped) => signal.addEventListener('abort', stopped, { once: true }));
  throw signal.reason;
}

function backupOf({ platform, folder, config }: Serving): ((dir: string, signal: AbortSignal) => Promise<void>) | undefined {
  const { copyDatabase } = platform;
  const rootKeyFile = config.rootKeyFile ?? folder.rootKey;
  return copyDatabase && (async (dir, signal) => makeBackup({ folder, rootKeyFile, copyDatabase }, dir, platform.platform.clock.wallMs(), signal));
}
