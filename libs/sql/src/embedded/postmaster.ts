import { spawn, type ChildProcess } from 'node:child_process';
import { open } from 'node:fs/promises';
import { setTimeout as pause } from 'node:timers/promises';
import type { Binaries } from './binaries.ts';
import { readPostmasterPid } from './postmaster-pid.ts';
import { PORT } from './socket-folder.ts';
import type { Launcher } from './unprivileged.ts';
import { DatabaseStartError } from './database-start-error.ts';

export interface PostmasterPlace {
  readonly cluster: string;
  readonly socketFolder: string;
  readonly logFile: string;
}

/** Recovery after a crash reads the write-ahead log since the last checkpoint; minutes at the very worst. */
const READY_DEADLINE_MS = 300_000;
const POLL_MS = 10;
const LOG_TAIL_BYTES = 2_000;

const SETTINGS: Readonly<Record<string, string>> = {
  listen_addresses: '',
  port: String(PORT),
  unix_socket_permissions: '0700',
  max_connections: '100',
  shared_buffers: '64MB',
  fsync: 'on',
  synchronous_commit: 'on',
  // Statements here are short: compiling them costs more than it saves.
  jit: 'off',
  // A backup keeps its write-ahead log with a replication slot, which the level `minimal` does not have.
  wal_level: 'replica',
  // Errors are reported to the one who asked. In the log they could quote values, which may be prompts.
  log_min_messages: 'log',
  log_min_error_statement: 'panic',
  log_error_verbosity: 'terse',
  log_line_prefix: '%m [%p] ',
};

/**
 * Starts a server, in a process group of its own so that Ctrl-C in a terminal reaches us and not it: we stop it when
 * everything that writes to it has drained. `settings` overrule the usual ones.
 */
export async function spawnPostmaster(binaries: Binaries, launcher: Launcher, place: PostmasterPlace, settings: Readonly<Record<string, string>> = {}): Promise<ChildProcess> {
  const all = { ...SETTINGS, unix_socket_directories: place.socketFolder, ...settings };
  const options = Object.entries(all).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  const [file, ...args] = [...launcher.prefix, binaries.postgres, '-D', place.cluster, ...options];
  const log = await open(place.logFile, 'a', 0o600);
  try {
    const child = spawn(file!, args, { detached: true, stdio: ['ignore', log.fd, log.fd], cwd: place.cluster, env: { TZ: 'UTC', LC_ALL: 'C' , PATH: '/usr/local/bin:/usr/bin:/bin' }, ...launcher.identity });
    await new Promise((resolve, reject) => child.once('spawn', resolve).once('error', reject));
    return child;
  } finally {
    await log.close();
  }
}

/** Waits until the server takes connections. Fails with the end of its log when it exits before. */
export async function waitUntilReady(child: ChildProcess, place: PostmasterPlace): Promise<void> {
  for (let waitedMs = 0; waitedMs < READY_DEADLINE_MS; waitedMs += POLL_MS) {
    if (child.exitCode !== null || child.signalCode !== null) throw new DatabaseStartError(`PostgreSQL ended at its start:\n${await logTail(place.logFile)}`);
    const found = await readPostmasterPid(place.cluster);
    if (found?.pid === child.pid && found?.state === 'ready') return;
    await pause(POLL_MS);
  }
  throw new DatabaseStartError(`PostgreSQL was not ready after ${READY_DEADLINE_MS / 1000} s; see ${place.logFile}.`);
}

/** Whole lines: the first is left out where the tail begins within it. */
async function logTail(path: string): Promise<string> {
  const file = await open(path, 'r');
  try {
    const { size } = await file.stat();
    const position = Math.max(0, size - LOG_TAIL_BYTES);
    const { buffer, bytesRead } = await file.read({ buffer: Buffer.alloc(LOG_TAIL_BYTES), position });
    const text = buffer.toString('utf8', 0, bytesRead);
    return (position === 0 ? text : text.slice(text.indexOf('\n') + 1)).trim();
  } finally {
    await file.close();
  }
}
