import { CommandFailed } from '../exit-code.ts';
import { diskFull, explainErrno } from '../data-folder/explain-errno.ts';
import { anotherPlace, atBeginning, databaseName, rootKeyName, type StartPlace } from './start-place.ts';

/** Errors of other parts whose text is written for the operator; by their names, because loading their classes would load their drivers. */
const CLEAR = new Set(['MigrationError', 'DatabaseStartError']);

/** Settings that `up` takes as options, in messages of parts that know no command line. */
const OPTIONS: Readonly<Record<string, string>> = { SLUICE_HOST: '--host', SLUICE_PORT: '--port', SLUICE_ADMIN_PORT: '--admin-port', SLUICE_GRPC_PORT: '--grpc-port' };

const OTHER_FOLDER = 'Give another data folder with --data.';

/**
 * Why the platform does not start, for the person who started it: one paragraph, no stack. What nobody foresaw is
 * returned as it is and keeps its stack, because it is a fault of the program.
 */
export function startFailure(failure: unknown, place: StartPlace): unknown {
  const { folder } = place;
  if (!(failure instanceof Error)) return failure;
  if (/No space left on device/.test(failure.message)) return new CommandFailed(diskFull(folder.root));
  if (CLEAR.has(failure.name)) return new CommandFailed(failure.message);
  if (failure.name === 'ListenError') return new CommandFailed(failure.message.replace(/\bSLUICE_[A-Z_]+/g, (name) => OPTIONS[name] ?? name));
  if (failure.name === 'SqlError') return new CommandFailed(explainDatabase(failure, place));
  if (failure.name === 'OtherRootKeyError') return new CommandFailed(otherRootKey(place));
  const text = explainErrno(failure, folder.root, OTHER_FOLDER);
  return text === undefined ? failure : new CommandFailed(text);
}

function explainDatabase(failure: Error & { kind?: string }, place: StartPlace): string {
  const { folder: { root }, databaseUrl } = place;
  const isEmbedded = databaseUrl === undefined;
  if (failure.kind === 'disk_full') return isEmbedded ? diskFull(root) : `${atBeginning(databaseName(place))} has no room left on its disk. Make room there, then start again.`;
  return `${atBeginning(databaseName(place))} cannot be used: ${failure.message}${isEmbedded ? `\nIts log: ${root}/postgres.log` : ''}`;
}

/** Sealed with another key, all that is secret in the database stays shut; what this start would seal nobody else could open. */
function otherRootKey(place: StartPlace): string {
  return [
    `${atBeginning(rootKeyName(place))} is not the one with which ${databaseName(place)} was begun, and nothing that is sealed there opens with another.`,
    `Start with the data folder that made this database (--data), or name its root.key, or the copy of it in a backup, with SLUICE_ROOT_KEY_FILE. A new platform starts ${anotherPlace(place)}.`,
  ].join('\n');
}
