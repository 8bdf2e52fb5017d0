import { mkdirSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { isErrno } from './private-file.ts';

/**
 * Makes a folder and those above it that are missing, one by one: Node's own recursive way never ends where the system
 * calls a folder missing that is there, as under /proc. Throws the system's error; what was made until then stays.
 */
export function makeFolder(path: string, mode = 0o777): void {
  const missing: string[] = [];
  let at = resolve(path);
  while (!isFolder(at) && dirname(at) !== at) {
    missing.push(at);
    at = dirname(at);
  }
  for (const folder of missing.toReversed()) {
    try {
      mkdirSync(folder, { mode });
    } catch (error) {
      if (!isErrno(error, 'EEXIST') || !isFolder(folder)) throw error;
    }
  }
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}
