import { execFile } from 'node:child_process';
import { access, mkdir, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import type { Binaries } from './binaries.ts';
import type { Launcher } from './unprivileged.ts';
import { DatabaseStartError } from './database-start-error.ts';

/** The role and the database that every cluster has. */
export const ROLE = 'sluice';
export const DATABASE = 'postgres';

const INITDB_DEADLINE_MS = 120_000;

/**
 * Makes a new cluster in `folder`, unless there is one. It is built under another name and moved when it is complete
 * and on disk, so a process that dies on the way leaves nothing that looks like a cluster.
 * Connections need no password, because the socket's folder lets only its owner in, unless `auth` says otherwise.
 */
export async function makeCluster(binaries: Binaries, launcher: Launcher, folder: string, sync = true, auth: readonly string[] = ['--auth=trust']): Promise<boolean> {
  if (await exists(join(folder, 'PG_VERSION'))) return false;
  if (await exists(folder)) throw new DatabaseStartError(`The folder ${folder} exists, but holds no PostgreSQL cluster.`);
  const draft = `${folder}.new`;
  await rm(draft, { recursive: true, force: true });
  await mkdir(draft, { mode: 0o700 });
  await launcher.own(draft);
  // Without sync while files are made, then one sync over all: half a second instead of three.
  await initdb(binaries, launcher, ['-D', draft, '-U', ROLE, ...auth, '--encoding=UTF8', '--locale=C', '--no-instructions', '--no-sync']);
  if (sync) await syncCluster(binaries, launcher, draft);
  await rename(draft, folder);
  return true;
}

/** Writes all of a cluster's files through to the disk. */
export async function syncCluster(binaries: Binaries, launcher: Launcher, folder: string): Promise<void> {
  await initdb(binaries, launcher, ['--sync-only', '-D', folder]);
}

async function initdb(binaries: Binaries, launcher: Launcher, args: readonly string[]): Promise<void> {
  const [file, ...rest] = [...launcher.prefix, binaries.initdb, ...args];
  try {
    await promisify(execFile)(file!, rest, { timeout: INITDB_DEADLINE_MS, cwd: dirname(binaries.initdb), ...launcher.identity });
  } catch (thrown) {
    const { stderr } = thrown as { stderr?: string };
    throw new DatabaseStartError(`The database could not be made: ${stderr?.trim() || String(thrown)}`, { cause: thrown });
  }
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    (error: NodeJS.ErrnoException) => {
      // What this user may not look at may well be there.
      if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return false;
      throw error;
    },
  );
}
