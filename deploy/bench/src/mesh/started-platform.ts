import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { repositoryRoot, stop, until } from '../child.ts';
import type { AdminApi } from '../govern.ts';
import { MANY_CALLS } from '../sluice-subject.ts';

/** What `up` and `mesh up` tell programs when they are ready. */
interface Ready extends AdminApi {
  readonly url: string;
  readonly apiKey: string;
  readonly pid: number;
}

export interface StartedPlatform {
  readonly ready: Ready;
  stop(): Promise<void>;
}

/** Starts the platform as a user does, with the given words behind `./sluice`; `readyFile` is named among them. */
export async function startPlatform(words: readonly string[], readyFile: string): Promise<StartedPlatform> {
  const child = spawn('env', [MANY_CALLS, join(repositoryRoot, 'sluice'), ...words], { stdio: ['ignore', 'ignore', 'inherit'] });
  await until(async () => {
    if (child.exitCode !== null) throw new Error(`sluice ${words[0]} ended with ${child.exitCode}`);
    return existsSync(readyFile);
  }, 120_000);
  return { ready: JSON.parse(readFileSync(readyFile, 'utf8')) as Ready, stop: () => stop(child) };
}
