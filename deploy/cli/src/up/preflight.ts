import { accessSync, constants, existsSync, readdirSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { systemClock, systemIds } from '@sluice/clock';
import { loadRootKey } from '@sluice/envelope';
import { checkRootKey, isBegun, startRoom } from '@sluice/platform';
import { readCredentials } from '../data-folder/credentials.ts';
import type { DataFolder } from '../data-folder/data-folder.ts';
import { explainErrno } from '../data-folder/explain-errno.ts';
import { checkLayout } from '../data-folder/layout.ts';
import { inUse, lockHolder } from '../data-folder/lock.ts';
import { isErrno } from '../data-folder/private-file.ts';
import { CommandFailed } from '../exit-code.ts';
import { asTyped } from '../terminal/typed-command.ts';
import { checkPorts, type Listener } from './ports.ts';
import { anotherPlace, atBeginning, databaseName, type StartPlace } from './start-place.ts';

/**
 * Everything that can be known to be wrong before the start. Throws a CommandFailed, or what `startFailure` explains, and
 * has written nothing, unless to a database that a platform was begun in already: one from before keys were compared gets the table for it.
 */
export async function preflight(place: StartPlace, listeners: readonly Listener[]): Promise<void> {
  const { folder } = place;
  checkFolder(folder);
  const holder = lockHolder(folder.lock);
  if (holder) throw inUse(folder.lock, holder);
  checkLayout(folder);
  checkNotForeign(folder);
  checkOnePlatform(place);
  if (place.databaseUrl === undefined) checkRoom(folder);
  await checkPorts(listeners);
  await checkKeys(place);
}

function checkFolder({ root }: DataFolder): void {
  const existing = nearestExisting(root);
  if (!statSync(existing).isDirectory()) throw new CommandFailed(`${existing} is not a folder. Give another data folder with --data.`);
  try {
    accessSync(existing, constants.W_OK | constants.X_OK);
  } catch (error) {
    const readOnly = isErrno(error, 'EROFS') && explainErrno(error, existing, 'Give another data folder with --data.');
    throw new CommandFailed(readOnly || `This user may not write to ${existing}. Give another data folder with --data.`);
  }
}

function nearestExisting(path: string): string {
  let existing = path;
  while (!existsSync(existing) && dirname(existing) !== existing) existing = dirname(existing);
  return existing;
}

/** A platform that started on a disk that is nearly full would refuse every call. */
function checkRoom(folder: DataFolder): void {
  const { freeBytes, neededBytes } = startRoom(nearestExisting(folder.root), !hasEmbedded(folder));
  if (freeBytes >= neededBytes) return;
  throw new CommandFailed(`The disk of ${folder.root} is nearly full: ${inMiB(freeBytes)} are free, and a start needs ${inMiB(neededBytes)}. Make room, then start again; nothing that was recorded is lost.`);
}

function inMiB(bytes: number): string {
  return `${Math.floor(bytes / 2 ** 20)} MiB`;
}

/** A mounted disk holds this folder although nobody put anything there. */
const OF_THE_FILE_SYSTEM = 'lost+found';

/**
 * Refuses a folder in which somebody keeps other things. What a first start makes before the layout, it may have left
 * behind when it was killed: names of the data folder's own, with an ending for drafts and old logs, are not foreign.
 */
function checkNotForeign(folder: DataFolder): void {
  if (existsSync(folder.layout) || !existsSync(folder.root)) return;
  const own = Object.values(folder).slice(1).map((path: string) => basename(path));
  const isOwn = (name: string): boolean => name === OF_THE_FILE_SYSTEM || own.some((one) => name === one || name.startsWith(`${one}.`));
  if (!readdirSync(folder.root).every(isOwn)) {
    throw new CommandFailed(`${folder.root} holds other things and is no data folder of Sluice (it has no ${basename(folder.layout)}).\nGive a new or an empty folder with --data.`);
  }
}

/**
 * A mesh on a folder of `sluice up`, or the other way round, would be another platform with the same keys: without the records, the limits and
 * the rules of the first, and with keys alive that were revoked there. A folder in which both have begun already stays as it is.
 */
function checkOnePlatform({ folder, databaseUrl, stack, begunOn }: StartPlace): void {
  const isEmbedded = hasEmbedded(folder);
  if (stack !== undefined && isEmbedded && begunOn === undefined) {
    throw new CommandFailed([
      `The data folder ${folder.root} holds a platform of sluice up, with its records in an embedded database. A mesh would be another one, with the same keys and none of its records.`,
      asTyped(`Give the mesh a data folder of its own: sluice mesh up --data ${folder.root}-mesh --stack ${stack}`),
    ].join('\n'));
  }
  if (databaseUrl === undefined && !isEmbedded && existsSync(folder.mesh)) {
    throw new CommandFailed([
      `The data folder ${folder.root} holds a platform of sluice mesh up, with its records on the servers of its stack. Without them it would be another one, with the same keys and none of its records.`,
      asTyped('Start it with sluice mesh up, or give another data folder with --data.'),
    ].join('\n'));
  }
}

function hasEmbedded({ postgres }: DataFolder): boolean {
  return existsSync(join(postgres, 'PG_VERSION'));
}

/**
 * Keys are made in the order root key, first keys, database; so whatever comes later in this row cannot be there
 * without what comes before, unless that was lost.
 */
async function checkKeys(place: StartPlace): Promise<void> {
  const { folder, databaseUrl, rootKeyFile } = place;
  if (rootKeyFile !== undefined && !existsSync(rootKeyFile)) throw new CommandFailed(`There is no root key at ${rootKeyFile} (SLUICE_ROOT_KEY_FILE).`);
  const credentials = readCredentials(folder) !== undefined;
  const database = databaseUrl === undefined ? hasEmbedded(folder) : await isBegun(databaseUrl);
  const rootKey = rootKeyFile ?? folder.rootKey;
  if ((database || credentials) && !existsSync(rootKey)) throw new CommandFailed(credentials || databaseUrl === undefined ? lostRootKey(place) : otherFolder(place));
  if (!database && place.begunOn !== undefined) throw new CommandFailed(emptyDatabase(place, place.begunOn));
  // The embedded one is asked when it has started.
  if (database && databaseUrl !== undefined) await checkRootKey(databaseUrl, await loadRootKey(rootKey, { create: false }), systemIds(systemClock));
  if (database && !credentials) throw new CommandFailed(lostCredentials(place));
}

function lostRootKey(place: StartPlace): string {
  const { folder: { rootKey } } = place;
  return `The root key ${rootKey} is lost: without it nothing that was sealed can be opened.\nPut it back from a backup (or name it with SLUICE_ROOT_KEY_FILE), or start anew ${anotherPlace(place)}.`;
}

function otherFolder(place: StartPlace): string {
  const { folder: { root, rootKey, credentials } } = place;
  return [
    `${atBeginning(databaseName(place))} belongs to a platform whose data folder is another one than ${root}: there is no root key ${rootKey}.`,
    `Give its data folder with --data, or put its ${basename(rootKey)} and ${basename(credentials)} there, or those of a backup. A new platform starts ${anotherPlace(place)}.`,
  ].join('\n');
}

/** Another platform would begin there with the keys of this one, and hide it from the commands. */
function emptyDatabase(place: StartPlace, begunOn: string): string {
  const isSame = begunOn === place.stack;
  return [
    `${atBeginning(databaseName(place))} is empty, but the platform of the data folder ${place.folder.root} ${isSame ? 'had its records there when it ran last' : `has its records elsewhere: it ran last on the stack in ${begunOn}`}.`,
    `${isSame ? 'Put back what that database had' : 'Give the stack that has its records with --stack (a stack may be moved)'}. A new platform starts with another data folder (--data).`,
  ].join('\n');
}

/** New keys are not made: a folder alone must not open a house whose keys were all revoked. */
function lostCredentials(place: StartPlace): string {
  const { folder: { credentials } } = place;
  return [
    `The first keys ${credentials} are lost: this command could not administer the platform. Everything else is there.`,
    `Put the file back from any backup of this platform, which has the same: cp -p BACKUP/${basename(credentials)} ${credentials}`,
    'Without a backup, write it (chmod 600) with an API key and an admin key of the role owner that you still have: {"apiKey":"sk-sluice-...","adminKey":"sk-sluice-admin-..."}',
    `With neither, start anew ${anotherPlace(place)}; this one keeps its records.`,
  ].join('\n');
}
