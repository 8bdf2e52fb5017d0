import { z } from 'zod';
import { CommandFailed } from '../exit-code.ts';
import { isKeyText, NOT_A_KEY } from '../platform-api/key-text.ts';
import type { DataFolder } from './data-folder.ts';
import { readFileIfThere, writePrivateFile } from './private-file.ts';

/** The first keys of a platform. */
const key = z.string().min(1).refine(isKeyText, { error: NOT_A_KEY });
const credentials = z.object({ apiKey: key, adminKey: key });
export type Credentials = z.infer<typeof credentials>;

/** Where the running platform listens. */
const runningPlatform = z.object({ url: z.string(), adminUrl: z.string(), pid: z.int().positive() });
export type RunningPlatform = z.infer<typeof runningPlatform>;

/** Undefined when there are none yet. */
export function readCredentials(folder: DataFolder): Credentials | undefined {
  return readAs(credentials, folder.credentials);
}

/** The first keys in a file of their own. Throws a CommandFailed when it is not there or damaged. */
export function credentialsIn(path: string): Credentials {
  const found = readAs(credentials, path);
  if (found === undefined) throw new CommandFailed(`There are no first keys at ${path} (SLUICE_FIRST_KEYS_FILE).`);
  return found;
}

export function writeCredentials(folder: DataFolder, value: Credentials): void {
  writePrivateFile(folder.credentials, `${JSON.stringify(value, undefined, 2)}\n`);
}

export function readRunning(folder: DataFolder): RunningPlatform | undefined {
  return readAs(runningPlatform, folder.running);
}

export function writeRunning(folder: DataFolder, value: RunningPlatform): void {
  writePrivateFile(folder.running, `${JSON.stringify(value, undefined, 2)}\n`);
}

function readAs<T>(schema: z.ZodType<T>, path: string): T | undefined {
  const text = readFileIfThere(path);
  if (text === undefined) return undefined;
  try {
    return schema.parse(JSON.parse(text));
  } catch (error) {
    // The cause is left out: a parser's message may quote a key.
    throw new CommandFailed(`${path} is damaged (${error instanceof z.ZodError ? fault(error) : 'not JSON'}).`);
  }
}

function fault({ issues }: z.ZodError): string {
  const custom = issues.find(({ code }) => code === 'custom');
  return custom ? `${custom.path.join('.')} ${custom.message}` : 'a field is missing';
}
