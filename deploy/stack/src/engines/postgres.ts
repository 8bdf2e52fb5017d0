import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { createSql, DATABASE, DatabaseStartError, endOrphan, findBinaries, findLauncher, makeCluster, ROLE } from '@sluice/sql';
import { writePrivateFile } from '../folder/private-file.ts';
import type { StackFolder } from '../folder/stack-folder.ts';
import { HOST } from '../ports.ts';
import type { EngineCommand } from '../processes/engine-process.ts';
import { MissingTool } from '../stack-error.ts';
import type { Engine, Say } from './engine.ts';

export interface PostgresOptions {
  readonly folder: StackFolder;
  readonly port: number;
  readonly password: string;
}

/** How this server differs from PostgreSQL's defaults, on every route. */
export function postgresSettings(port: number): Readonly<Record<string, string>> {
  return {
    listen_addresses: HOST,
    port: String(port),
    max_connections: '200',
    shared_buffers: '128MB',
    fsync: 'on',
    synchronous_commit: 'on',
    password_encryption: 'scram-sha-256',
    wal_level: 'replica',
    jit: 'off',
    // Errors are reported to the one who asked. In the log they could quote values, which may be prompts.
    log_min_messages: 'log',
    log_min_error_statement: 'panic',
    log_error_verbosity: 'terse',
  };
}

/** A fast shutdown writes everything first; a checkpoint of a busy server takes its time. */
const STOP_PATIENCE_MS = 60_000;

/** A server of its own, on a port and with a password, from the binaries that the embedded database has too. */
export function postgres({ folder, port, password }: PostgresOptions): Engine {
  const home = folder.engine('postgres');
  const data = join(home, 'data');
  const address = `postgresql://${ROLE}:${password}@${HOST}:${port}/${DATABASE}`;
  return {
    name: 'postgres',
    address,
    mark: { program: 'postgres', path: data },
    stop: { signal: 'SIGINT', patienceMs: STOP_PATIENCE_MS },
    prepare: async (say) => prepare(home, data, port, password, say),
    async ask() {
      const sql = createSql({ url: address, schema: 'public', connections: 1 });
      try {
        const [row] = await sql.query<{ server_version: string }>('SHOW server_version');
        return `PostgreSQL ${row!.server_version}`;
      } finally {
        await sql.end();
      }
    },
  };
}

async function prepare(home: string, data: string, port: number, password: string, say: Say): Promise<EngineCommand> {
  const binaries = await findBinaries().catch((error: unknown) => {
    throw error instanceof DatabaseStartError ? new MissingTool('PostgreSQL', error.message) : error;
  });
  const launcher = await findLauncher();
  await mkdir(home, { recursive: true, mode: 0o700 });
  for (const passed of [join(home, '..'), home]) await launcher.letThrough(passed);
  const passwordFile = join(home, 'password');
  await writePrivateFile(passwordFile, password);
  try {
    await launcher.own(passwordFile);
    if (await makeCluster(binaries, launcher, data, true, ['--auth=scram-sha-256', `--pwfile=${passwordFile}`])) say('postgres: made its data folder');
  } finally {
    await rm(passwordFile);
  }
  await launcher.own(data);
  // None of this folder runs now; a file that says so would keep the server from starting when its number is a stranger's.
  await endOrphan(data, STOP_PATIENCE_MS);
  const settings = { ...postgresSettings(port), unix_socket_directories: '' };
  const options = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  const prefix = launcher.identity ? ['setpriv', `--reuid=${launcher.identity.uid}`, `--regid=${launcher.identity.gid}`, '--clear-groups'] : launcher.prefix;
  return { words: [...prefix, binaries.postgres, '-D', data, ...options], env: { TZ: 'UTC', LC_ALL: 'C', PATH: '/usr/local/bin:/usr/bin:/bin' }, cwd: data };
}
