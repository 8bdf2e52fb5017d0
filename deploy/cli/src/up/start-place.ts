import type { HostConfig } from '@sluice/host';
import type { DataFolder } from '../data-folder/data-folder.ts';

/** Where a start was to find its keys and its database; without a `databaseUrl` the embedded one of the folder. */
export interface StartPlace extends HostConfig {
  readonly folder: DataFolder;
  /** Data folder of the stack whose database it is; where it is one of the operator's own it came by `DATABASE_URL`. */
  readonly stack?: string;
  /** Data folder of the stack on whose database the platform of this folder has begun, as it was when that ran last. */
  readonly begunOn?: string | undefined;
}

/** The database, for the middle of a sentence. */
export function databaseName({ folder, databaseUrl, stack }: StartPlace): string {
  if (databaseUrl === undefined) return `the embedded database in ${folder.root}`;
  return stack === undefined ? `the database of DATABASE_URL (${withoutPassword(databaseUrl)})` : `the database of the stack in ${stack}`;
}

/** The root key, for the middle of a sentence. */
export function rootKeyName({ folder, rootKeyFile }: StartPlace): string {
  return rootKeyFile === undefined ? `the root key ${folder.rootKey}` : `the root key ${rootKeyFile} (SLUICE_ROOT_KEY_FILE)`;
}

/** Where a platform with keys of its own could begin instead. */
export function anotherPlace({ databaseUrl, stack }: StartPlace): string {
  if (databaseUrl === undefined) return 'in another folder with --data';
  return stack === undefined ? 'with another folder (--data) on another database (DATABASE_URL)' : 'with another folder (--data) on another stack (--stack)';
}

export function atBeginning(text: string): string {
  return `${text[0]!.toUpperCase()}${text.slice(1)}`;
}

function withoutPassword(url: string): string {
  return url.replace(/^[a-z]+:\/\/([^/]*@)?/, '').replace(/\?.*$/, '');
}
