import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { MissingTool, StackError } from '../stack-error.ts';

const TAKEN_CODE = 97;

/**
 * Takes the folder for one command until `release`. The lock is the kernel's (flock(2)), held by a child that ends with
 * this process, however it ends: there is no lock of a dead process to clear away.
 */
export async function takeCommandLock(path: string): Promise<{ release(): Promise<void> }> {
  const child = spawn('flock', ['--nonblock', '--conflict-exit-code', String(TAKEN_CODE), path, 'cat'], { detached: true, stdio: ['pipe', 'pipe', 'ignore'] });
  const ended = once(child, 'exit') as Promise<[number | null]>;
  child.stdin.on('error', () => undefined);
  child.stdin.write('held\n');
  const held = await Promise.race([once(child.stdout, 'data').then(() => true), ended.then(([code]) => code, () => undefined)]);
  if (held === undefined) throw flockMissing();
  if (held === TAKEN_CODE) throw new StackError(`Another stack command is at work on this data folder (${path}). Wait until it has ended.`);
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
