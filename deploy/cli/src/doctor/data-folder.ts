import { accessSync, constants, existsSync, readdirSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { loadRootKey } from '@sluice/envelope';
import { startRoom } from '@sluice/platform';
import { readCredentials } from '../data-folder/credentials.ts';
import type { DataFolder } from '../data-folder/data-folder.ts';
import { checkLayout } from '../data-folder/layout.ts';
import { lockHolder } from '../data-folder/lock.ts';
import { MeshFile } from '../mesh/mesh-file.ts';
import { Findings, reasonOf, type Finding } from './finding.ts';

/** What lets others read. */
const FOREIGN_BITS = 0o077;

/** The folder, its room, its lock, and the keys in it. */
export async function lookAtDataFolder(folder: DataFolder, rootKeyFile: string | undefined): Promise<readonly Finding[]> {
  const found = new Findings('data folder');
  const isThere = existsSync(folder.root);
  lookAtRights(found, folder, isThere);
  lookAtRoom(found, folder);
  const holder = lockHolder(folder.lock);
  if (isThere) found.ok('in use', holder ? `by process ${holder.pid}` : 'by nobody');
  attempt(() => checkLayout(folder), 'layout', (says) => found.wrong('layout', says, 'start the version that wrote it, or restore a backup: sluice restore DIR'));
  attempt(() => new MeshFile(folder.mesh), 'mesh', (says) => found.wrong('mesh', says, `rm ${folder.mesh}; sluice mesh up writes it anew (with --stack where its stack is not the usual one)`));
  await lookAtRootKey(found, folder, rootKeyFile);
  lookAtCredentials(found, folder);
  return found.all;
}

function lookAtRights(found: Findings, { root }: DataFolder, isThere: boolean): void {
  const existing = nearestExisting(root);
  if (!statSync(existing).isDirectory()) return found.wrong('folder', `${existing} is no folder`, 'give another data folder with --data');
  try {
    accessSync(existing, constants.W_OK | constants.X_OK);
  } catch {
    return found.wrong('folder', `this user may not write to ${existing}`, `make it this user's own (chown -R), or give another with --data`);
  }
  if (!isThere) return found.ok('folder', `${root} is not there yet; the first sluice up makes it`);
  const { mode } = statSync(root);
  if ((mode & FOREIGN_BITS) === 0) found.ok('folder', root);
  else found.warn('folder', `${root} is open to other users (mode ${octal(mode)})`, `chmod 700 ${root}`);
}

function lookAtRoom(found: Findings, folder: DataFolder): void {
  const { freeBytes, neededBytes } = startRoom(nearestExisting(folder.root), !existsSync(join(folder.postgres, 'PG_VERSION')));
  const says = `${mebibytes(freeBytes)} MiB free`;
  if (freeBytes < neededBytes) found.wrong('disk', `${says}; a start needs ${mebibytes(neededBytes)}`, 'make room: below that calls are refused, because they could not be recorded');
  else if (freeBytes < 10 * neededBytes) found.warn('disk', says, 'make room before it is needed: every call is recorded there');
  else found.ok('disk', says);
}

async function lookAtRootKey(found: Findings, folder: DataFolder, given: string | undefined): Promise<void> {
  const path = given ?? folder.rootKey;
  if (given === undefined && !existsSync(path) && !existsSync(folder.credentials)) return found.ok('root key', 'the first sluice up makes it');
  try {
    await loadRootKey(path, { create: false });
    found.ok('root key', `${path}, for its owner alone`);
  } catch (error) {
    found.wrong('root key', reasonOf(error), 'without the right root key nothing that was sealed can be opened: put it back from a backup, mode 0600');
  }
}

function lookAtCredentials(found: Findings, folder: DataFolder): void {
  for (const path of [folder.credentials, ...certificateKeys(folder.root)]) {
    const mode = statSync(path, { throwIfNoEntry: false })?.mode;
    if (mode === undefined || (mode & FOREIGN_BITS) === 0) continue;
    found.wrong('secrets', `${path} is open to other users (mode ${octal(mode)})`, `chmod 600 ${path}; if others may have read it, make new keys`);
  }
  attempt(() => {
    if (readCredentials(folder)) found.ok('first keys', 'there');
  }, 'first keys', (says) => found.wrong('first keys', says, 'put credentials.json back from a backup'));
}

function certificateKeys(root: string): string[] {
  const folder = join(root, 'certificates');
  return existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith('.key')).map((name) => join(folder, name)) : [];
}

function attempt(look: () => void, name: string, onFailure: (says: string) => void): void {
  try {
    look();
  } catch (error) {
    onFailure(`${name}: ${reasonOf(error)}`);
  }
}

function nearestExisting(path: string): string {
  let existing = path;
  while (!existsSync(existing) && dirname(existing) !== existing) existing = dirname(existing);
  return existing;
}

function octal(mode: number): string {
  return `0${(mode & 0o777).toString(8)}`;
}

function mebibytes(bytes: number): number {
  return Math.floor(bytes / 2 ** 20);
}
