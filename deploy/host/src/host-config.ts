import { readConfig, type Environment } from '@sluice/config';
import { z } from 'zod';

const MIN_RETENTION_DAYS = 184;
const DEFAULT_RETENTION_DAYS = 400;

const shape = {
  /** Where the root key lies; else it is made once in the data folder. */
  SLUICE_ROOT_KEY_FILE: z.string().optional(),
  /** How long sealed bodies are kept; laws ask for half a year at least. */
  SLUICE_AUDIT_RETENTION_DAYS: z.coerce.number().int().min(MIN_RETENTION_DAYS).default(DEFAULT_RETENTION_DAYS),
  /** A PostgreSQL of your own instead of the embedded one. */
  DATABASE_URL: z.url({ protocol: /^postgres(ql)?$/, error: 'is not a postgresql:// address' }).optional(),
};

/** The settings of a process that hosts services. */
export interface HostConfig {
  readonly rootKeyFile: string | undefined;
  readonly auditRetentionDays: number;
  readonly databaseUrl: string | undefined;
}

/** Reads them all; throws one ConfigError that names every fault. */
export function hostConfig(environment?: Environment): HostConfig {
  const given = readConfig(shape, environment);
  return { rootKeyFile: given.SLUICE_ROOT_KEY_FILE, auditRetentionDays: given.SLUICE_AUDIT_RETENTION_DAYS, databaseUrl: given.DATABASE_URL };
}
