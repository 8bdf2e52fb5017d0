import { createHash } from 'node:crypto';
import { lstat, mkdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { DATABASE, ROLE } from './cluster.ts';
import { isServerOf, readPostmasterPid } from './postmaster-pid.ts';

/** The number in the socket's name; nothing listens on TCP. */
export const PORT = 5432;
/** `sun_path` holds 108 bytes, one of them the closing zero. */
const MAX_SOCKET_PATH_BYTES = 107;
/** PostgreSQL makes `<socket>.lock` beside it; only the socket's own path is limited, a little air costs nothing. */
const LONGEST_NAME = `.s.PGSQL.${PORT}`;

/**
 * The folder of the Unix socket: in the data folder, or, when that path is too long for a socket, in the system's
 * folder for temporary files under a name derived from the data folder's. Only its owner may enter it.
 */
export async function makeSocketFolder(dataDir: string, temporary: string = tmpdir()): Promise<string> {
  const folder = socketFolder(dataDir, temporary);
  if (!fits(folder)) throw new Error(`The path of the database socket is too long: ${folder}. Choose a data folder with a shorter path.`);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const stats = await lstat(folder);
  // Temporary folders are open to all: whoever made this one first could listen in.
  if (!stats.isDirectory() || (stats.mode & 0o077) !== 0) throw new Error(`The folder ${folder} must be a folder that only its owner may enter (mode 0700).`);
  const uid = process.getuid?.();
  if (uid !== 0 && stats.uid !== uid) throw new Error(`The folder ${folder} belongs to another user.`);
  return folder;
}

/** Where it is or would be. */
function socketFolder(dataDir: string, temporary: string): string {
  const near = join(dataDir, 'run');
  return fits(near) ? near : join(temporary, `sluice-${createHash('sha256').update(dataDir).digest('hex').slice(0, 16)}`);
}

/** For `createSql`: the database of the server whose socket lies in this folder. */
export function urlAt(folder: string): string {
  return `postgresql://${ROLE}@/${DATABASE}?host=${encodeURIComponent(folder)}&port=${PORT}`;
}

/** The address of the server that runs on the data folder now; undefined when none does. */
export async function runningServer(dataDir: string): Promise<string | undefined> {
  const folder = resolve(dataDir);
  const cluster = join(folder, 'postgres');
  const found = await readPostmasterPid(cluster);
  return found && (await isServerOf(found.pid, cluster)) ? urlAt(socketFolder(folder, tmpdir())) : undefined;
}

function fits(folder: string): boolean {
  return Buffer.byteLength(join(folder, LONGEST_NAME)) <= MAX_SOCKET_PATH_BYTES;
}

/**
 * Removes the lock of a socket whose server is gone. PostgreSQL believes such a file when the process number in it is
 * alive, which after a crash may be anybody's. To be called only when no server of this folder runs.
 */
export async function removeStaleSocket(folder: string): Promise<void> {
  const socket = join(folder, `.s.PGSQL.${PORT}`);
  await Promise.all([rm(socket, { force: true }), rm(`${socket}.lock`, { force: true })]);
}
