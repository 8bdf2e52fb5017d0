import { existsSync } from 'node:fs';
import { chmod, copyFile, cp, mkdtemp, readdir, rename, rm, rmdir } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { ServiceError } from '@sluice/errors';
import { z } from 'zod';
import { CommandFailed } from '../exit-code.ts';
import { dataFolder, type DataFolder } from './data-folder.ts';
import { explainErrno } from './explain-errno.ts';
import { checkLayout, LAYOUT_VERSION } from './layout.ts';
import { makeFolder } from './make-folder.ts';
import { isErrno, readFileIfThere, writePrivateFile } from './private-file.ts';

/** Written last: a folder without it is a backup that broke off. */
const MANIFEST = 'backup.json';
const manifest = z.object({ layout: z.int().positive(), madeAt: z.string() });

export interface BackupSource {
  readonly folder: DataFolder;
  readonly rootKeyFile: string;
  /** Copies the database, consistently, to `DIR/postgres`. */
  readonly copyDatabase: (dir: string, signal: AbortSignal) => Promise<void>;
}

/**
 * A copy of everything that a platform needs to go on elsewhere: database, root key, first keys, weights. The result is
 * a data folder. The database is copied first: weights are never changed or removed, so all that it names are there later.
 * Throws `failed_precondition` with `param: directory` where the folder is used or cannot be had, and the signal's reason
 * when it aborts; then nothing is left.
 */
export async function makeBackup(source: BackupSource, dir: string, nowMs: number, signal: AbortSignal): Promise<void> {
  const target = resolve(dir);
  if (`${target}/`.startsWith(`${source.folder.root}/`)) throw unusable(`${target} lies in the data folder itself. Give a folder elsewhere.`);
  try {
    await copyAll(source, target, nowMs, signal);
  } catch (error) {
    const text = explainErrno(error, target, 'Give another folder.');
    throw text === undefined ? error : unusable(text);
  }
}

async function copyAll(source: BackupSource, target: string, nowMs: number, signal: AbortSignal): Promise<void> {
  await refuseUsed(target);
  makeFolder(dirname(target));
  const draft = await mkdtemp(`${target}.new-`);
  try {
    const copy = dataFolder(draft);
    await source.copyDatabase(draft, signal);
    await copyPrivate(source.rootKeyFile, copy.rootKey);
    await copyPrivate(source.folder.credentials, copy.credentials);
    await copyPrivate(source.folder.layout, copy.layout);
    if (existsSync(source.folder.demoModel)) await copyPrivate(source.folder.demoModel, copy.demoModel);
    if (existsSync(source.folder.models)) await copyFolder(source.folder.models, copy.models, (path) => !basename(path).startsWith('.unfinished-'), signal);
    writePrivateFile(join(draft, MANIFEST), `${JSON.stringify({ layout: LAYOUT_VERSION, madeAt: new Date(nowMs).toISOString() })}\n`);
    await removeEmpty(target);
    await rename(draft, target);
  } catch (error) {
    await rm(draft, { recursive: true, force: true });
    throw error;
  }
}

/** What a restoration needs to know beside its two folders. */
export interface RestoreOrder {
  /** Put the backup in the place of a folder that is in use; that one is kept beside it. */
  readonly force: boolean;
  readonly nowMs: number;
  readonly signal: AbortSignal;
}

/** Makes a data folder of a backup. The folder must be new or empty, or `force` given. When the signal aborts all is as before. */
export async function restoreBackup(source: DataFolder, folder: DataFolder, { force, nowMs, signal }: RestoreOrder): Promise<{ keptAs?: string }> {
  const used = existsSync(folder.root) && (await readdir(folder.root)).length > 0;
  if (used && !force) throw new CommandFailed(`The data folder ${folder.root} is not empty. Give another with --data, or --force to put the backup in its place (the old one is kept beside it).`);
  makeFolder(dirname(folder.root));
  const draft = await mkdtemp(`${folder.root}.restoring-`);
  try {
    await copyFolder(source.root, draft, (path) => path !== join(source.root, MANIFEST), signal);
    await chmod(draft, 0o700);
    const keptAs = used ? `${folder.root}.before-${new Date(nowMs).toISOString().replace(/[:.]/g, '-')}` : undefined;
    if (keptAs) await rename(folder.root, keptAs);
    else await removeEmpty(folder.root);
    await rename(draft, folder.root);
    return keptAs ? { keptAs } : {};
  } catch (error) {
    await rm(draft, { recursive: true, force: true });
    throw error;
  }
}

/** The folders of a backup that is whole. Throws a CommandFailed that says what is missing otherwise. */
export function checkBackup(dir: string): DataFolder {
  const source = dataFolder(dir);
  if (!existsSync(source.root)) throw new CommandFailed(`There is no folder ${source.root}.`);
  const text = readFileIfThere(join(source.root, MANIFEST));
  if (text === undefined) throw new CommandFailed(`${source.root} is not a whole backup: it has no ${MANIFEST}.`);
  if (!manifest.safeParse(JSON.parse(text)).success) throw new CommandFailed(`${join(source.root, MANIFEST)} is damaged.`);
  checkLayout(source);
  for (const path of [source.rootKey, source.credentials, join(source.postgres, 'PG_VERSION')]) {
    if (!existsSync(path)) throw new CommandFailed(`The backup is not whole: ${path} is missing.`);
  }
  return source;
}

/** Stops between two files when the signal aborts. */
async function copyFolder(from: string, to: string, isWanted: (path: string) => boolean, signal: AbortSignal): Promise<void> {
  const filter = (path: string): boolean => {
    signal.throwIfAborted();
    return isWanted(path);
  };
  await cp(from, to, { recursive: true, filter });
  signal.throwIfAborted();
}

async function refuseUsed(target: string): Promise<void> {
  if (!existsSync(target)) return;
  const isEmpty = await readdir(target).then(
    (names) => names.length === 0,
    () => false,
  );
  if (!isEmpty) throw unusable(`${target} is not an empty folder. Give a new one.`);
}

/** An error for whoever asked: this runs on behalf of the admin API too. */
function unusable(message: string): ServiceError {
  return new ServiceError('failed_precondition', message, { param: 'directory' });
}

async function removeEmpty(path: string): Promise<void> {
  try {
    await rmdir(path);
  } catch (error) {
    if (!isErrno(error, 'ENOENT')) throw error;
  }
}

async function copyPrivate(from: string, to: string): Promise<void> {
  await copyFile(from, to);
  await chmod(to, 0o600);
}
