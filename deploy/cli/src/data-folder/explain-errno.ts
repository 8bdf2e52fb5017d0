import { existsSync } from 'node:fs';
import { userInfo } from 'node:os';
import { dirname } from 'node:path';

const MAKES_FOLDERS = new Set<string | undefined>(['mkdir', 'mkdtemp']);

/**
 * What the file system refused, for people: one paragraph, or undefined for what is a fault of this program. `path` is
 * named where the error names none; `mend` says what to do about a bad path.
 */
export function explainErrno(failure: unknown, path: string, mend: string): string | undefined {
  if (typeof failure !== 'object' || failure === null) return undefined;
  const { code, syscall, path: at = path } = failure as Partial<NodeJS.ErrnoException>;
  // A draft has a name of its own beside the folder that was asked for.
  const failed = syscall === 'mkdtemp' ? path : at;
  switch (code) {
    case 'ENOENT':
      if (syscall === 'open' && !existsSync(dirname(failed))) return `There is no folder ${dirname(failed)} for ${failed}. Make it first, or give another path.`;
      if (!MAKES_FOLDERS.has(syscall)) return undefined;
      return `The folder ${failed} cannot be made: its file system takes no folders. ${mend}`;
    case 'ENAMETOOLONG':
      return `The path is longer than the file system takes. ${mend}`;
    case 'ELOOP':
      return `${failed} is a circle of symbolic links. ${mend}`;
    case 'ENOSPC':
    case 'EDQUOT':
      return diskFull(failed);
    case 'EACCES':
    case 'EPERM':
      return MAKES_FOLDERS.has(syscall) ? `${thisUser()} may not make the folder ${failed}. ${mend}` : `${thisUser()} may not ${syscall === 'open' ? 'read or write' : 'use'} ${failed}. Make it this user's own (chown -R). ${mend}`;
    case 'EROFS':
      return `${failed} lies on a file system that cannot be written to. ${mend}`;
    case 'ENOTDIR':
    case 'EEXIST':
      return `${failed} is not a folder. ${mend}`;
    case 'EISDIR':
      return `${failed} is a folder where a file should be. ${mend}`;
    case 'EIO':
      return `The disk of ${failed} reports an error (EIO). Look at the disk, then start again or restore a backup elsewhere.`;
    case 'EMFILE':
    case 'ENFILE':
      return 'Too many files are open for this process. Raise the limit (ulimit -n), then start again.';
    case undefined:
    default:
      return undefined;
  }
}

/** By name, because it may be the platform that speaks, to somebody who is another user. */
function thisUser(): string {
  try {
    return `The user ${userInfo().username}`;
  } catch {
    // A container may run as a number that has no name.
    return `The user with the number ${process.getuid?.() ?? 'unknown'}`;
  }
}

export function diskFull(path: string): string {
  return `The disk of ${path} is full. Make room, then start again; nothing that was recorded is lost.`;
}
