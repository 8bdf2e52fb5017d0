import { spawn } from 'node:child_process';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';

const PYTHONS = ['python3', 'python'];
const PROBE_LIMIT_MS = 20_000;
/** A slow line takes long for 90 MB; a pip that takes longer hangs. */
const DOWNLOAD_LIMIT_MS = 30 * 60_000;
const PROGRESS_EVERY_MS = 200;
/** That a program may take to end when it is told to. */
const END_LIMIT_MS = 5_000;

/** The command of a Python that has pip. */
export async function findPip(signal: AbortSignal | undefined, pythons: readonly string[] = PYTHONS): Promise<string | undefined> {
  for (const python of pythons) {
    if (await succeeds(python, ['-m', 'pip', '--version'], PROBE_LIMIT_MS, signal)) return python;
  }
  return undefined;
}

export interface PipDownload {
  readonly python: string;
  readonly requirement: string;
  /** An empty folder; pip's own temporary files lie in it too, so that they can be watched and are removed with it. */
  readonly folder: string;
  readonly onBytes: (sum: number) => void;
  readonly signal: AbortSignal | undefined;
  /** Further arguments of `pip download`. */
  readonly arguments: readonly string[];
}

/** Downloads the package alone, no dependencies, from the index that pip is set to. True when pip succeeded. */
export async function pipDownload({ python, requirement, folder, onBytes, signal, arguments: further }: PipDownload): Promise<boolean> {
  let lastSum = 0;
  let isOver = false;
  const watch = setInterval(() => {
    void countBytes(folder).then((sum) => {
      if (!isOver && sum > lastSum) onBytes((lastSum = sum));
    });
  }, PROGRESS_EVERY_MS);
  try {
    const pip = ['-m', 'pip', 'download', '--no-deps', '--only-binary=:all:', '--no-input', '--quiet', '--disable-pip-version-check', '--retries', '2'];
    return await succeeds('env', [`TMPDIR=${folder}`, python, ...pip, ...further, '--dest', folder, requirement], DOWNLOAD_LIMIT_MS, signal);
  } finally {
    isOver = true;
    clearInterval(watch);
  }
}

async function countBytes(folder: string): Promise<number> {
  const names = await readdir(folder, { recursive: true }).catch(() => []);
  const sizes = await Promise.all(names.map((name) => stat(join(folder, name)).then((found) => (found.isFile() ? found.size : 0), () => 0)));
  return sizes.reduce((sum, size) => sum + size, 0);
}

/** Runs a program to its end; an abort ends it, and is thrown once it is gone. */
async function succeeds(command: string, args: readonly string[], limitMs: number, signal: AbortSignal | undefined): Promise<boolean> {
  signal?.throwIfAborted();
  const child = spawn(command, args, { stdio: 'ignore' });
  const limit = setTimeout(() => child.kill('SIGKILL'), limitMs);
  let endLimit: NodeJS.Timeout | undefined;
  const end = (): void => {
    child.kill('SIGTERM');
    endLimit = setTimeout(() => child.kill('SIGKILL'), END_LIMIT_MS);
  };
  signal?.addEventListener('abort', end, { once: true });
  const code = await new Promise<number | null>((resolve) => {
    child.once('error', () => resolve(null));
    child.once('close', resolve);
  });
  clearTimeout(limit);
  clearTimeout(endLimit);
  signal?.removeEventListener('abort', end);
  signal?.throwIfAborted();
  return code === 0;
}
