import { CommandFailed } from '../exit-code.ts';
import type { DataFolder } from '../data-folder/data-folder.ts';

/** Errors of other parts whose text is written for the operator; by their names, because loading their classes would load their drivers. */
const CLEAR = new Set(['MigrationError', 'DatabaseStartError', 'ListenError']);

/**
 * Why the platform does not start, for the person who started it: one paragraph, no stack. What nobody foresaw is
 * returned as it is and keeps its stack, because it is a fault of the program.
 */
export function startFailure(failure: unknown, folder: DataFolder, databaseUrl: string | undefined): unknown {
  if (!(failure instanceof Error)) return failure;
  if (/No space left on device/.test(failure.message)) return new CommandFailed(diskFull(folder.root));
  if (CLEAR.has(failure.name)) return new CommandFailed(failure.message);
  if (failure.name === 'SqlError') return new CommandFailed(explainDatabase(failure, folder, databaseUrl));
  const text = explainErrno(failure, folder);
  return text === undefined ? failure : new CommandFailed(text);
}

function explainDatabase(failure: Error & { kind?: string }, { root }: DataFolder, databaseUrl: string | undefined): string {
  if (failure.kind === 'disk_full') return databaseUrl === undefined ? diskFull(root) : 'The database of DATABASE_URL has no room left on its disk. Make room there, then start again.';
  const whose = databaseUrl === undefined ? `The embedded database in ${root}` : `The database of DATABASE_URL (${withoutPassword(databaseUrl)})`;
  return `${whose} cannot be used: ${failure.message}${databaseUrl === undefined ? `\nIts log: ${root}/postgres.log` : ''}`;
}

function explainErrno(failure: NodeJS.ErrnoException, { root }: DataFolder): string | undefined {
  const path = failure.path ?? root;
  switch (failure.code) {
    case 'ENOSPC':
    case 'EDQUOT':
      return diskFull(path);
    case 'EACCES':
    case 'EPERM':
      return `This user may not ${failure.syscall === 'open' ? 'read or write' : 'use'} ${path}. Make the data folder this user's own (chown -R), or give another with --data.`;
    case 'EROFS':
      return `${path} lies on a file system that cannot be written to. Give another data folder with --data.`;
    case 'ENOTDIR':
    case 'EEXIST':
      return `${path} is not a folder. Move it away, or give another data folder with --data.`;
    case 'EISDIR':
      return `${failure.path ?? `A file in ${root}`} is a folder where a file should be. Move it away, or give another data folder with --data.`;
    case 'EIO':
      return `The disk of ${path} reports an error (EIO). Look at the disk, then start again or restore a backup elsewhere.`;
    case 'EMFILE':
    case 'ENFILE':
      return 'Too many files are open for this process. Raise the limit (ulimit -n), then start again.';
    case undefined:
    default:
      return undefined;
  }
}

function diskFull(path: string): string {
  return `The disk of ${path} is full. Make room, then start again; nothing that was recorded is lost.`;
}

function withoutPassword(url: string): string {
  return url.replace(/^[a-z]+:\/\/([^/]*@)?/, '').replace(/\?.*$/, '');
}
