import { readConfig, type Environment } from '@sluice/config';
import { z } from 'zod';

/** As libpq takes it; not every such address is a URL to others: `postgresql://user@/database?host=/run/postgresql` names a socket's folder. */
const POSTGRES_URL = /^postgres(ql)?:\/\/\S+$/;

/** Settings of a process that hosts services, by their environment names. */
export const hostShape = {
  /** Where the root key lies; else it is made once in the data folder. */
  SLUICE_ROOT_KEY_FILE: z.string().optional(),
  /** A PostgreSQL of your own instead of the embedded one. */
  DATABASE_URL: z.string().regex(POSTGRES_URL, 'must be an address such as postgresql://user@host/database').optional(),
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
