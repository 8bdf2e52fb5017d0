import type { DynamicModule } from '@nestjs/common';
import { createAccess } from '@sluice/access';
import { createAudit } from '@sluice/audit';
import { createBilling } from '@sluice/billing';
import { createContentFilter } from '@sluice/content-filter';
import { createGateway, GatewayAddresses } from '@sluice/gateway';
import type { Host } from '@sluice/host';
import { createInferenceRouter } from '@sluice/inference-router';
import { createLocalEngine } from '@sluice/local-engine';
import { createModelRegistry } from '@sluice/model-registry';
import type { Platform } from '@sluice/platform';
import type { Credentials } from '../data-folder/credentials.ts';
import type { Settings } from './all-settings.ts';

export interface ComposeOptions {
  readonly platform: Platform;
  /** Of all parts; each takes its own of them. */
  readonly settings: Settings;
  readonly credentials: Credentials;
  /** Where the local engine finds weights by their file's name. */
  readonly modelsFolder: string;
  /** Where it keeps what it knows of their digests. */
  readonly knownWeightsFile: string;
  readonly listen: { readonly host: string; readonly port: number; readonly adminHost: string; readonly adminPort: number };
  readonly metrics: () => Promise<string>;
  readonly backup: ((directory: string, signal: AbortSignal) => Promise<void>) | undefined;
}

/** The whole house, owners first and the gateway last: it is stopped first and drains while all that it needs runs. */
export function compose({ platform, settings, credentials, modelsFolder, knownWeightsFile, listen, metrics, backup }: ComposeOptions): DynamicModule[][] {
  const { apiKey, adminKey } = credentials;
  const gateway = {
    ...settings,
    SLUICE_HOST: listen.host,
    SLUICE_PORT: listen.port,
    SLUICE_ADMIN_HOST: listen.adminHost,
    SLUICE_ADMIN_PORT: listen.adminPort,
    metrics,
    ...(backup && { backup }),
  };
  return [
    [
      createAccess(platform, { bootstrap: { apiKey, adminKey } }),
      createModelRegistry(platform, {}),
      createAudit(platform, settings),
      createLocalEngine(platform, { ...settings, modelsFolder, knownWeightsFile }),
    ],
    [createInferenceRouter(platform, settings), createContentFilter(platform, {}), createBilling(platform, {})],
    [createGateway(platform, gateway)],
  ];
}

/** Where the started house listens. */
export function addressesOf(host: Host): { url: string; adminUrl: string } {
  const addresses = host.get(GatewayAddresses);
  return { url: addresses.public, adminUrl: addresses.admin };
}
