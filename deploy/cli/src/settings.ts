import { homedir } from 'node:os';
import { join } from 'node:path';
import { readConfig, type Environment } from '@sluice/config';
import { z } from 'zod';
import { isKeyText, NOT_A_KEY } from './platform-api/key-text.ts';

const address = z
  .url({ protocol: /^https?$/, error: 'must be an http(s) address such as http://127.0.0.1:8080' })
  .refine((url) => !/^https?:\/*[^/?#]*@/i.test(url), { error: 'must hold no user name and no password: an address is shown' })
  .transform((url) => url.replace(/\/+$/, ''));
const key = z.string().refine(isKeyText, { error: NOT_A_KEY });

/** Settings of the command line, by their environment names. */
export const settingsShape = {
  SLUICE_DATA: z.string().optional(),
  // As `up` prints it and as SDKs take it, with /v1, or without.
  SLUICE_URL: address.transform((url) => url.replace(/\/v1$/, '')).optional(),
  SLUICE_ADMIN_URL: address.optional(),
  SLUICE_ADMIN_KEY: key.optional(),
  SLUICE_API_KEY: key.optional(),
  SLUICE_COMMAND: z.string().optional(),
  NO_COLOR: z.string().optional(),
  XDG_CACHE_HOME: z.string().optional(),
  XDG_DATA_HOME: z.string().optional(),
  XDG_STATE_HOME: z.string().optional(),
};

export interface CliSettings {
  /** Folder of everything the platform keeps. */
  readonly dataDir: string;
  /** Folder of what the command line remembers: checkpoints that `audit verify` has seen. */
  readonly stateDir: string;
  /** Folder of what can be brought again: the packages of `stack up`. */
  readonly cacheDir: string;
  readonly url: string | undefined;
  readonly adminUrl: string | undefined;
  readonly adminKey: string | undefined;
  readonly apiKey: string | undefined;
}

/** The settings of the command line; an option of a command goes before its environment name. */
export function readSettings(environment?: Environment): CliSettings {
  const given = readConfig(settingsShape, environment);
  return {
    dataDir: given.SLUICE_DATA ?? join(given.XDG_DATA_HOME ?? join(homedir(), '.local', 'share'), 'sluice'),
    stateDir: join(given.XDG_STATE_HOME ?? join(homedir(), '.local', 'state'), 'sluice'),
    cacheDir: join(given.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'sluice'),
    url: given.SLUICE_URL,
    adminUrl: given.SLUICE_ADMIN_URL,
    adminKey: given.SLUICE_ADMIN_KEY,
    apiKey: given.SLUICE_API_KEY,
  };
}

/** Whether the person wants no colours on the terminal (no-color.org). */
export function wantsNoColour(): boolean {
  return readConfig({ NO_COLOR: settingsShape.NO_COLOR }).NO_COLOR !== undefined;
}

/** How the person called the launcher; undefined when it was not the launcher that started this. Read alone, because help must not fail on another setting. */
export function readCommandName(): string | undefined {
  return readConfig({ SLUICE_COMMAND: settingsShape.SLUICE_COMMAND }).SLUICE_COMMAND;
}
