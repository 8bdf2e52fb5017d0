import { randomBytes } from 'node:crypto';
import { linkSync, renameSync, rmSync } from 'node:fs';
import { CommandFailed } from '../exit-code.ts';
import { createPrivateFile, isErrno, readFileIfThere } from './private-file.ts';
import { isAlive, ownIdentity, processIdentity, type ProcessIdentity } from './process-identity.ts';

const MAX_ATTEMPTS = 20;

/** The process that uses the data folder now, if any; a lock that a killed process left behind counts as none. */
export function lockHolder(path: string): ProcessIdentity | undefined {
  const holder = parse(readFileIfThere(path));
  return holder && isAlive(holder) ? holder : undefined;
}

/** Takes the folder for this process until `release`. Throws when another process has it. */
export function takeLock(path: string): { release(): void } {
  const own = JSON.stringify(ownIdentity());
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
    if (createPrivateFile(path, own)) return { release: () => releaseLock(path, own) };
    const found = readFileIfThere(path);
    const holder = parse(found);
    if (holder && isAlive(holder)) throw inUse(path, holder);
    if (found !== undefined) breakLock(path, found);
  }
  throw new CommandFailed(`The lock ${path} could not be taken: other processes keep taking it.`);
}

export function inUse(path: string, holder: ProcessIdentity): CommandFailed {
  return new CommandFailed(
    `The data folder is in use by process ${holder.pid} (${path}).\nStop that platform first (Ctrl-C, or kill ${holder.pid}), or give another folder with --data.`,
  );
}

/** Two breakers may meet: what was moved away is looked at again, and put back when it is no longer the stale one. */
function breakLock(path: string, stale: string): void {
  const aside = `${path}.${randomBytes(6).toString('hex')}.stale`;
  try {
    renameSync(path, aside);
    if (readFileIfThere(aside) !== stale) linkSync(aside, path);
    rmSync(aside, { force: true });
  } catch (error) {
    if (!isErrno(error, 'ENOENT') && !isErrno(error, 'EEXIST')) throw error;
  }
}

function releaseLock(path: string, own: string): void {
  if (readFileIfThere(path) === own) rmSync(path, { force: true });
}

function parse(text: string | undefined): ProcessIdentity | undefined {
  if (text === undefined) return undefined;
  try {
    return processIdentity.parse(JSON.parse(text));
  } catch {
    // Not ours or torn: whoever wrote it does not hold it.
    return undefined;
  }
}
