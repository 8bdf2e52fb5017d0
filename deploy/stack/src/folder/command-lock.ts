import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Say } from '../engines/engine.ts';
import { MissingTool, StackError } from '../stack-error.ts';

const TAKEN_CODE = 97;
/** No start takes longer, downloads included, unless it hangs. */
const START_WAIT_S = 3_600;

export interface Lock {
  release(): Promise<void>;
}

/**
 * Takes the folder for one command until `release`. The lock is the kernel's (flock(2)), held by a child that ends with
 * this process, however it ends: there is no lock of a dead process to clear away.
 */
export async function takeCommandLock(path: string): Promise<Lock> {
  const lock = await take(path, 0);
  if (lock === undefined) throw new StackError(`Another stack command is at work on this data folder (${path}). Wait until it has ended.`);
  return lock;
}

/** A command, such as a start, is at work on the folder now. False where that cannot be known. */
export async function isAtWork(path: string): Promise<boolean> {
  if (!existsSync(path)) return false;
  try {
    const lock = await take(path, 0);
    await lock?.release();
    return lock === undefined;
  } catch (error) {
    if (error instanceof StackError) return false;
    throw error;
  }
}

/** One start at a time for this user, because ports that are free are taken only as the servers come up. Waits for its turn. */
export async function takeTurn(say: Say, signal: AbortSignal): Promise<Lock> {
  const path = join(tmpdir(), `sluice-stack-start-${process.getuid?.() ?? 'any'}.lock`);
  const now = await take(path, 0);
  if (now !== undefined) return now;
  say('another stack is starting; waiting for its ports to be taken');
  const later = await take(path, START_WAIT_S, signal);
  if (later === undefined) throw new StackError(`Another stack has been starting for an hour (${path}).`);
  return later;
}

/** Undefined when it is not free within this time. */
async function take(path: string, waitS: number, signal?: AbortSignal): Promise<Lock | undefined> {
  const words = ['--timeout', String(waitS), '--conflict-exit-code', String(TAKEN_CODE), path, 'cat'];
  const child = spawn('flock', words, { detached: true, stdio: ['pipe', 'pipe', 'ignore'], ...(signal && { signal }) });
  const ended = new Promise<number | Error | null>((resolve) => child.once('error', resolve).once('exit', resolve));
  child.stdin.on('error', () => undefined);
  child.stdin.write('held\n');
  const held = await Promise.race([once(child.stdout, 'data').then(() => true, () => false), ended]);
  signal?.throwIfAborted();
  if (held === TAKEN_CODE) return undefined;
  if (held instanceof Error) throw flockMissing();
  if (held !== true) throw new StackError(`The lock ${path} could not be taken.`);
  return {
    async release() {
      child.stdin.end();
      await ended;
    },
  };
}

/** Engines are started under a lock as well. */
export function flockMissing(): MissingTool {
  return new MissingTool('flock', 'Debian: apt-get install util-linux; on systems other than Linux, run a Docker engine instead');
}
