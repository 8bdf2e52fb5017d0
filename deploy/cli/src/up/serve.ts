import { startHost, type HostConfig } from '@sluice/host';
import type { EmbeddedPlatform } from '@sluice/platform';
import { makeBackup } from '../data-folder/backup.ts';
import { addressesOf, ALL_SERVICES, compose } from '../services/compose.ts';
import type { Settings } from './all-settings.ts';
import { openHouse, type OpenHouse } from './open-house.ts';
import { openTelemetry } from './open-telemetry.ts';
import type { Listeners } from './up-options.ts';

export interface Serving extends Omit<OpenHouse, 'addresses'> {
  readonly settings: Settings;
  readonly listen: Listeners;
  readonly config: HostConfig;
  readonly platform: EmbeddedPlatform;
}

/** Starts the services, says when they are ready, and stays until the signal; then throws its reason. */
export async function serve(serving: Serving): Promise<never> {
  const { settings, listen, folder, platform, credentials, stack, signal } = serving;
  const telemetry = await openTelemetry(settings);
  stack.defer(async () => telemetry.shutdown());
  const backup = backupOf(serving);
  const stages = await compose(ALL_SERVICES, {
    platform: platform.platform,
    settings: { ...settings, SLUICE_HOST: listen.host, SLUICE_PORT: listen.port, SLUICE_ADMIN_HOST: listen.adminHost, SLUICE_ADMIN_PORT: listen.adminPort, SLUICE_GRPC_PORT: listen.grpcPort },
    modelsFolder: folder.models,
    knownWeightsFile: folder.knownWeights,
    credentials,
    metrics: async () => telemetry.prometheusText(),
    ...(backup && { backup }),
  });
  const host = await startHost({ logger: platform.platform.logger, stages });
  stack.defer(async () => host.stop());
  signal.throwIfAborted();
  return openHouse({ ...serving, addresses: await addressesOf(host) });
}

function backupOf({ platform, folder, config }: Serving): ((dir: string, signal: AbortSignal) => Promise<void>) | undefined {
  const { copyDatabase } = platform;
  const rootKeyFile = config.rootKeyFile ?? folder.rootKey;
  return copyDatabase && (async (dir, signal) => makeBackup({ folder, rootKeyFile, copyDatabase }, dir, platform.platform.clock.wallMs(), signal));
}
