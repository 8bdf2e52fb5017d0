import { auditConfig } from '@sluice/audit';
import { processEnvironment, readConfig, type Environment } from '@sluice/config';
import { gatewayConfig } from '@sluice/gateway';
import { hostShape } from '@sluice/host';
import { inferenceRouterConfig } from '@sluice/inference-router';
import { localEngineConfig } from '@sluice/local-engine';
import { telemetryConfig } from '@sluice/telemetry';
import type { z } from 'zod';
import { settingsShape } from '../settings.ts';

const shape = { ...settingsShape, ...hostShape, ...telemetryConfig, ...gatewayConfig, ...inferenceRouterConfig, ...localEngineConfig, ...auditConfig };

/** The settings of every part that `sluice up` hosts. */
export type Settings = Readonly<z.output<z.ZodObject<typeof shape>>>;

/** Reads them all before anything is touched; throws one ConfigError that names every fault of every part. */
export function readAllSettings(environment?: Environment): Settings {
  return readConfig(shape, environment);
}

/**
 * Names that are the platform's own kind and no setting of `up`, as a mistyped one is, or one of a mesh; what they mean to
 * set has its default. `more` are settings all the same.
 */
export function unknownSettings(environment: Environment = processEnvironment, more: readonly string[] = []): string[] {
  return Object.keys(environment)
    .filter((name) => /^(SLUICE_|LOCAL_ENGINE_|KAFKA_(BROKERS|REPLICAS|PLAINTEXT|TLS_[A-Z_]+|SASL_[A-Z_]+)$|REDIS_URL$)/.test(name))
    .filter((name) => !(name in shape) && !more.includes(name))
    .toSorted();
}
