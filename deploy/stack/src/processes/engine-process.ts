import { spawn } from 'node:child_process';
import { open, readdir, readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { processIdentity } from '@sluice/sql';
import { flockMissing } from '../folder/command-lock.ts';

/** A server's process, named beyond the reuse of its number. */
export interface EngineProcess {
  readonly pid: number;
  /** Pid, start time, boot. */
  readonly started: string;
}

/** How a server is started. */
export interface EngineCommand {
  readonly words: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
}

/** What tells an engine's process from all others. */
export interface Mark {
  /** File name of its program. */
  readonly program: string;
  /** A path in its command line that belongs to this engine of this data folder alone. */
  readonly path: string;
}

/** The exit code of a server whose folder another one holds. */
export const FOLDER_HELD_CODE = 97;

/**
 * Starts a server that outlives this process. It runs under a lock of its folder that it holds itself for as long as it
 * or a child of it lives (flock(2) is inherited), so that two servers never work on one folder, whoever starts them.
 */
export async function startEngine(command: EngineCommand, lock: string, log: string): Promise<EngineProcess & { exited: Promise<number | null> }> {
  const output = await open(log, 'a', 0o600);
  try {
    const locked = ['--no-fork', '--nonblock', '--conflict-exit-code', String(FOLDER_HELD_CODE), lock, ...command.words];
    const child = spawn('flock', locked, { detached: true, stdio: ['ignore', output.fd, output.fd], cwd: command.cwd, env: { ...command.env } });
    const exited = new Promise<number | null>((resolve) => child.once('exit', (code) => resolve(code)));
    await new Promise((resolve, reject) => child.once('spawn', resolve).once('error', () => reject(flockMissing())));
    child.unref();
    const started = (await processIdentity(child.pid!)) ?? `${child.pid!} ended`;
    return { pid: child.pid!, started, exited };
  } finally {
    await output.close();
  }
}

export async function isAlive({ pid, started }: EngineProcess): Promise<boolean> {
  return (await processIdentity(pid)) === started;
}

/** A server of this engine that nobody wrote down: whoever started it died before. */
export async function findEngine(mark: Mark): Promise<EngineProcess | undefined> {
  for (const name of await readdir('/proc').catch(() => [])) {
    if (!/^\d+$/.test(name)) continue;
    const words = (await readFile(`/proc/${name}/cmdline`, 'utf8').catch(() => '')).split('\0');
    // A server that renames itself has its whole command line in the first word.
    if (basename(words[0]!.split(' ')[0]!.replace(/:$/, '')) !== mark.program || !words.some((word) => word.includes(mark.path))) continue;
    const started = await processIdentity(Number(name));
    if (started !== undefined) return { pid: Number(name), started };
  }
  return undefined;
}
