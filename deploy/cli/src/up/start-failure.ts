import { CommandFailed } from '../exit-code.ts';
import type { DataFolder } from '../data-folder/data-folder.ts';
import { diskFull, explainErrno } from '../data-folder/explain-errno.ts';

/** Errors of other parts whose text is written for the operator; by their names, because loading their classes would load their drivers. */
const CLEAR = new Set(['MigrationError', 'DatabaseStartError']);

/** Settings that `up` takes as options, in messages of parts that know no command line. */
const OPTIONS: Readonly<Record<string, string>> = { SLUICE_HOST: '--host', SLUICE_PORT: '--port', SLUICE_ADMIN_PORT: '--admin-port', SLUICE_GRPC_PORT: '--grpc-port' };

const OTHER_FOLDER = 'Give another data folder with --data.';

/**
 * Why the platform does not start, for the person who started it: one paragraph, no stack. What nobody foresaw is
 * returned as it is and keeps its stack, because it is a fault of the program.
 */
export function startFailure(failure: unknown, folder: DataFolder, databaseUrl: string | undefined): unknown {
  if (!(failure instanceof Error)) return failure;
  if (/No space left on device/.test(failure.message)) return new CommandFailed(diskFull(folder.root));
  if (CLEAR.has(failure.name)) return new CommandFailed(failure.message);
  if (failure.name === 'ListenError') return new CommandFailed(failure.message.replace(/\bSLUICE_[A-Z_]+/g, (name) => OPTIONS[name] ?? name));
  if (failure.name === 'SqlError') return new CommandFailed(explainDatabase(failure, folder, databaseUrl));
  const text = explainErrno(failure, folder.root, OTHER_FOLDER);
  return text === undefined ? failure : new CommandFailed(text);
}

function explainDatabase(failure: Error & { kind?: string }, { root }: DataFolder, databaseUrl: string | undefined): string {
  if (failure.kind === 'disk_full') return databaseUrl === undefined ? diskFull(root) : 'The database of DATABASE_URL has no room left on its disk. Make room there, then start again.';
  const whose = databaseUrl === undefined ? `The embedded database in ${root}` : `The database of DATABASE_URL (${withoutPassword(databaseUrl)})`;
  return `${whose} cannot be used: ${failure.message}${databaseUrl === undefined ? `\nIts log: ${root}/postgres.log` : ''}`;
}

function withoutPassword(url: string): string {
  return url.replace(/^[a-z]+:\/\/([^/]*@)?/, '').replace(/\?.*$/, '');
}
