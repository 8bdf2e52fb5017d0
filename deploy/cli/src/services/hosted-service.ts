import type { DynamicModule } from '@nestjs/common';
import type { auditConfig } from '@sluice/audit';
import type { GatewayConfig, gatewayConfig } from '@sluice/gateway';
import type { inferenceRouterConfig } from '@sluice/inference-router';
import type { localEngineConfig } from '@sluice/local-engine';
import type { Platform } from '@sluice/platform';
import type { ServiceName } from '@sluice/platform/services';
import type { z } from 'zod';
import type { Credentials } from '../data-folder/credentials.ts';

/** The settings of all services. */
export type ServiceSettings = Readonly<z.output<z.ZodObject<typeof gatewayConfig & typeof inferenceRouterConfig & typeof localEngineConfig & typeof auditConfig>>>;

/** What services are made of; each takes its own of it. */
export interface ServiceParts extends Pick<GatewayConfig, 'metrics' | 'backup'> {
  readonly platform: Platform;
  readonly settings: ServiceSettings;
  /** Opens a house that is empty; undefined where others do that. */
  readonly credentials: Credentials | undefined;
  /** Where the local engine finds weights by their file's name. */
  readonly modelsFolder: string;
  /** Where it keeps what it knows of their digests. */
  readonly knownWeightsFile: string;
}

export interface HostedService {
  /** What reads an owner at its start comes a stage later. */
  readonly stage: 0 | 1 | 2;
  /** Its settings, by their environment names. */
  shape(): Promise<z.ZodRawShape>;
  make(parts: ServiceParts): Promise<DynamicModule>;
}

const NO_SETTINGS = async (): Promise<z.ZodRawShape> => ({});

/**
 * The only place that names all services: owners first and the gateway last. Each is loaded when it is asked for,
 * because a process of a mesh hosts few, and loading all of them takes longer than starting one.
 */
export const HOSTED_SERVICES: Readonly<Record<ServiceName, HostedService>> = {
  access: {
    stage: 0,
    shape: NO_SETTINGS,
    async make({ platform, credentials }) {
      const { createAccess } = await import('@sluice/access');
      return createAccess(platform, credentials ? { bootstrap: { apiKey: credentials.apiKey, adminKey: credentials.adminKey } } : {});
    },
  },
  'model-registry': {
    stage: 0,
    shape: NO_SETTINGS,
    make: async ({ platform }) => (await import('@sluice/model-registry')).createModelRegistry(platform, {}),
  },
  audit: {
    stage: 0,
    shape: async () => (await import('@sluice/audit')).auditConfig,
    make: async ({ platform, settings }) => (await import('@sluice/audit')).createAudit(platform, settings),
  },
  'local-engine': {
    stage: 0,
    shape: async () => (await import('@sluice/local-engine')).localEngineConfig,
    async make({ platform, settings, modelsFolder, knownWeightsFile }) {
      const { createLocalEngine } = await import('@sluice/local-engine');
      return createLocalEngine(platform, { ...settings, modelsFolder, knownWeightsFile });
    },
  },
  'inference-router': {
    stage: 1,
    shape: async () => (await import('@sluice/inference-router')).inferenceRouterConfig,
    make: async ({ platform, settings }) => (await import('@sluice/inference-router')).createInferenceRouter(platform, settings),
  },
  'content-filter-rules': {
    stage: 0,
    shape: NO_SETTINGS,
    make: async ({ platform }) => (await import('@sluice/content-filter')).createContentFilterRules(platform, {}),
  },
  'content-filter': {
    stage: 1,
    shape: NO_SETTINGS,
    make: async ({ platform }) => (await import('@sluice/content-filter')).createContentFilter(platform, {}),
  },
  billing: {
    stage: 1,
    shape: NO_SETTINGS,
    make: async ({ platform }) => (await import('@sluice/billing')).createBilling(platform, {}),
  },
  gateway: {
    stage: 2,
    shape: async () => (await import('@sluice/gateway')).gatewayConfig,
    async make({ platform, settings, metrics, backup }) {
      const { createGateway } = await import('@sluice/gateway');
      return createGateway(platform, { ...settings, ...(metrics && { metrics }), ...(backup && { backup }) });
    },
  },
};
