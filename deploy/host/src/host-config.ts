import { readConfig, type Environment } from '@sluice/config';
import { databaseUrlFault } from '@sluice/sql';
import { z } from 'zod';

/** Settings of a process that hosts services, by their environment names. */
export const hostShape = {
  /** Where the root key lies; else it is made once in the data folder. */
  SLUICE_ROOT_KEY_FILE: z.string().optional(),
  /** A PostgreSQL of your own instead of the embedded one. */
  DATABASE_URL: z.string().superRefine(checkDatabaseUrl).optional(),
};

/** The settings of a process that hosts services; each service has its own beside them. */
export interface HostConfig {
  readonly rootKeyFile: string | undefined;
  readonly databaseUrl: string | undefined;
}

/** Reads them all; throws one ConfigError that names every fault. */
export function hostConfig(environment?: Environment): HostConfig {
  const given = readConfig(hostShape, environment);
  return { rootKeyFile: given.SLUICE_ROOT_KEY_FILE, databaseUrl: given.DATABASE_URL };
}

function checkDatabaseUrl(url: string, context: z.RefinementCtx): void {
  const fault = databaseUrlFault(url);
  if (fault !== undefined) context.addIssue({ code: 'custom', message: fault });
}
