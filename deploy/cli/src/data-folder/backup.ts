import { existsSync } from 'node:fs';
import { chmod, copyFile, cp, mkdir, readdir, rename, rm, rmdir } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
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
  readonly copyDatabase: (dir: string) => Promise<void>;
}

/**
 * A copy of everything that a platform needs to go on elsewhere: database, root key, first keys, weights. The result is
 * a data folder. The database is copied first: weights are never changed or removed, so all that it names are there later.
 * Throws `failed_precondition` with `param: directory` where the folder is used or cannot be had.
 */
export async function makeBackup(source: BackupSource, dir: string, nowMs: number): Promise<void> {
  const target = resolve(dir);
  if (`${target}/`.startsWith(`${source.folder.root}/`)) throw unusable(`${target} lies in the data folder itself. Give a folder elsewhere.`);
  try {
    await copyAll(source, target, nowMs);
  } catch (error) {
    const text = explainErrno(error, target, 'Give another folder.');
    throw text === undefined ? error : unusable(text);
  }
}

async function copyAll(source: BackupSource, target: string, nowMs: number): Promise<void> {
  await refuseUsed(target);
  makeFolder(dirname(target));
  const draft = `${target}.new`;
  await rm(draft, { recursive: true, force: true });
  await mkdir(draft, { mode: 0o700 });
  try {
    const copy = dataFolder(draft);
    await source.copyDatabase(draft);
    await copyPrivate(source.rootKeyFile, copy.rootKey);
    await copyPrivate(source.folder.credentials, copy.credentials);
    await copyPrivate(source.folder.layout, copy.layout);
    if (existsSync(source.folder.demoModel)) await copyPrivate(source.folder.demoModel, copy.demoModel);
    if (existsSync(source.folder.models)) await cp(source.folder.models, copy.models, { recursive: true, filter: (path) => !path.endsWith('.new') });
    writePrivateFile(join(draft, MANIFEST), `${JSON.stringify({ layout: LAYOUT_VERSION, madeAt: new Date(nowMs).toISOString() })}\n`);
    await removeEmpty(target);
    await rename(draft, target);
  } catch (error) {
    await rm(draft, { recursive: true, force: true });
    throw error;
  }
}

/** Makes a data folder of a backup. The folder must be new or empty; with `force` the one that is there is kept beside it. */
export async function restoreBackup(dir: string, folder: DataFolder, force: boolean, nowMs: number): Promise<{ keptAs?: string }> {
  const source = dataFolder(dir);
  checkBackup(source);
  const used = existsSync(folder.root) && (await readdir(folder.root)).length > 0;
  if (used && !force) throw new CommandFailed(`The data folder ${folder.root} is not empty. Give another with --data, or --force to put the backup in its place (the old one is kept beside it).`);
  makeFolder(dirname(folder.root));
  const draft = `${folder.root}.restoring`;
  await rm(draft, { recursive: true, force: true });
  try {
    await cp(source.root, draft, { recursive: true, filter: (path) => path !== join(source.root, MANIFEST) });
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

function checkBackup(source: DataFolder): void {
  const text = readFileIfThere(join(source.root, MANIFEST));
  if (text === undefined) throw new CommandFailed(`${source.root} is not a whole backup: it has no ${MANIFEST}.`);
  if (!manifest.safeParse(JSON.parse(text)).success) throw new CommandFailed(`${join(source.root, MANIFEST)} is damaged.`);
  checkLayout(source);
  for (const path of [source.rootKey, source.credentials, join(source.postgres, 'PG_VERSION')]) {
    if (!existsSync(path)) throw new CommandFailed(`The backup is not whole: ${path} is missing.`);
  }
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
