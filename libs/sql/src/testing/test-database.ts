import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { access, mkdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { findBinaries, type Binaries } from '../embedded/binaries.ts';
import { DATABASE, makeCluster, ROLE } from '../embedded/cluster.ts';
import { spawnPostmaster, waitUntilReady } from '../embedded/postmaster.ts';
import { processIdentity } from '../embedded/process-identity.ts';
import { makeSocketFolder, PORT } from '../embedded/socket-folder.ts';
import { findLauncher } from '../embedded/unprivileged.ts';
import { oldestBinaries } from './oldest-postgres.ts';

/** The one that the platform comes with, or the oldest that it works on (15). */
export type PostgresVersion = 'pinned' | 'oldest';

const BINARIES: Readonly<Record<PostgresVersion, () => Promise<Binaries>>> = { pinned: findBinaries, oldest: oldestBinaries };

/** A fresh, empty database on a real server. */
export interface TestDatabase {
  /** For `createSql`. */
  readonly url: string;
  /** Drops the database with whatever is still connected. The server stays for the next test file. */
  stop(): Promise<void>;
}

/**
 * A database of its own for one test file. The server is started once per Jest process, without fsync (a test that
 * kills processes, not machines, cannot tell), and ends with that process, however it ends.
 */
export async function startTestDatabase(version: PostgresVersion = 'pinned'): Promise<TestDatabase> {
  const server = await findServer(version);
  const name = `test_${randomBytes(6).toString('hex')}`;
  await administer(server, `CREATE DATABASE ${name} STRATEGY file_copy`);
  return {
    url: urlOf(server, name),
    stop: () => administer(server, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`),
  };
}

/** Each test file has modules of its own, so the server is found by a folder named after the process. */
async function findServer(version: PostgresVersion): Promise<string> {
  const started = (await processIdentity(process.pid))?.split(' ')[1];
  const folder = join(tmpdir(), `sluice-test-${process.pid}-${started}${version === 'pinned' ? '' : `-${version}`}`);
  const socketFolder = await mkdir(folder, { mode: 0o700 }).then(() => startServer(folder, BINARIES[version]), (thrown: NodeJS.ErrnoException) => {
    if (thrown.code !== 'EEXIST') throw thrown;
    return makeSocketFolder(folder);
  });
  await access(join(socketFolder, `.s.PGSQL.${PORT}`));
  return socketFolder;
}

async function startServer(folder: string, find: () => Promise<Binaries>): Promise<string> {
  const [binaries, launcher] = await Promise.all([find(), findLauncher()]);
  const cluster = join(folder, 'postgres');
  endWithThisProcess(folder, cluster);
  await launcher.letThrough(folder);
  await makeCluster(binaries, launcher, cluster, false);
  const socketFolder = await makeSocketFolder(folder);
  await launcher.own(socketFolder);
  const place = { cluster, socketFolder, logFile: join(folder, 'postgres.log') };
  // Processes that a test starts and stops keep their pools until its file ends.
  const child = await spawnPostmaster(binaries, launcher, place, { fsync: 'off', full_page_writes: 'off', shared_buffers: '32MB', max_connections: '300' });
  await waitUntilReady(child, place);
  child.unref();
  return socketFolder;
}

/**
 * A shell that reads from a pipe whose other end is ours: the kernel closes it when this process ends, also by
 * SIGKILL, and the shell then ends the server and removes its folder.
 */
function endWithThisProcess(folder: string, cluster: string): void {
  const script = 'cat >/dev/null; read -r pid < "$2/postmaster.pid" && kill -QUIT "$pid"; sleep 0.2; rm -rf "$1"; sleep 1; rm -rf "$1"';
  const watcher = spawn('sh', ['-c', script, 'sh', folder, cluster], { detached: true, stdio: ['pipe', 'ignore', 'ignore'] });
  watcher.unref();
  // A pipe to a child is a socket, and only the handle can be kept from holding the process.
  (watcher.stdin as unknown as { unref(): void }).unref();
}

async function administer(socketFolder: string, statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: urlOf(socketFolder, DATABASE) });
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}

function urlOf(socketFolder: string, database: string): string {
  return `postgresql://${ROLE}@/${database}?host=${encodeURIComponent(socketFolder)}&port=${PORT}`;
}
