import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { link, open, unlink } from 'node:fs/promises';
import { dirname } from 'node:path';
import { ServiceError } from '@sluice/errors';
import { KEY_BYTES } from './aes-gcm.ts';
import { rootKeyFrom, type RootKey } from './root-key.ts';

const FILE_MODE = 0o600;
/** Group and others; any of these bits makes the key everybody's. */
const FOREIGN_BITS = 0o077;

export interface RootKeyFileOptions {
  /** Make the file when there is none. Only for a data folder that is empty: a new key opens nothing that an old one sealed. */
  readonly create: boolean;
}

/**
 * Reads the root key from its file (32 raw bytes, readable by its owner alone).
 * Throws `failed_precondition` with the file's name and the mend when it is missing, readable by others or no key.
 */
export async function loadRootKey(path: string, options: RootKeyFileOptions): Promise<RootKey> {
  const found = await read(path);
  if (found) return rootKeyFrom(found);
  if (!options.create) {
    throw refusal(`The root key file ${path} is missing. Put it back from your backup; nothing that was sealed with it can be opened without it.`);
  }
  await make(path);
  const made = await read(path);
  if (!made) throw refusal(`The root key file ${path} vanished while it was made. Start again.`);
  return rootKeyFrom(made);
}

async function read(path: string): Promise<Buffer | undefined> {
  const file = await open(path, constants.O_RDONLY).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === 'ENOENT') return undefined;
    throw refusal(`The root key file ${path} cannot be read (${cause.code ?? 'unknown reason'}). It must be a file that this user owns, mode 0600.`, cause);
  });
  if (!file) return undefined;
  try {
    const stat = await file.stat();
    if (!stat.isFile()) throw refusal(`The root key file ${path} is not a file.`);
    if ((stat.mode & FOREIGN_BITS) !== 0) {
      throw refusal(`The root key file ${path} is open to other users (mode 0${(stat.mode & 0o777).toString(8)}). Run: chmod 600 ${path}`);
    }
    if (stat.size !== KEY_BYTES) {
      throw refusal(`The root key file ${path} has ${stat.size} bytes instead of ${KEY_BYTES}. Put the right file back from your backup.`);
    }
    return await file.readFile();
  } finally {
    await file.close();
  }
}

/**
 * Whole or not at all: written beside, flushed, then linked into place. A link, unlike a rename, never replaces a key
 * that another process made at the same moment; whoever loses the race reads the winner's.
 */
async function make(path: string): Promise<void> {
  const temporary = `${path}.${randomBytes(6).toString('hex')}.new`;
  const file = await open(temporary, 'wx', FILE_MODE);
  try {
    await file.writeFile(randomBytes(KEY_BYTES));
    await file.sync();
    await link(temporary, path).catch((cause: NodeJS.ErrnoException) => {
      if (cause.code !== 'EEXIST') throw refusal(`The root key file ${path} could not be made (${cause.code ?? 'unknown reason'}).`, cause);
    });
  } finally {
    await file.close();
    await unlink(temporary);
  }
  const folder = await open(dirname(path), constants.O_RDONLY);
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

function refusal(message: string, cause?: unknown): ServiceError {
  return new ServiceError('failed_precondition', message, { cause });
}
