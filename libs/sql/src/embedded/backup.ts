import pg from 'pg';
import { constants } from 'node:fs';
import { copyFile, mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CONNECT_DEADLINE_MS } from '../connection.ts';

/** Folders whose content belongs to one run of the server (PostgreSQL manual, 25.3.4); made anew at start. */
const EMPTY_FOLDERS = new Set(['pg_dynshmem', 'pg_notify', 'pg_replslot', 'pg_serial', 'pg_snapshots', 'pg_stat_tmp', 'pg_subtrans', 'pg_wal']);
const LEFT_OUT = new Set(['postmaster.pid', 'postmaster.opts', 'pg_internal.init']);
const TEMPORARY = /^pgsql_tmp/;
const WAL_SEGMENT = /^[0-9A-F]{24}$/;
const TIMELINE_HISTORY = /^[0-9A-F]{8}\.history$/;
const SLOT = 'sluice_backup';

/**
 * A base backup as the manual describes it (25.3.3, "low-level API"): mark the start, copy the files while they
 * change, mark the stop, add the write-ahead log between both. A start on the copy replays it. All on one connection,
 * because the server forgets the backup when its session ends; a temporary slot of the same session keeps the log
 * from being recycled meanwhile. `target` must not exist.
 */
export async function copyCluster(url: string, cluster: string, target: string, signal: AbortSignal): Promise<void> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: CONNECT_DEADLINE_MS, statement_timeout: 0, application_name: 'sluice backup' });
  let lost: Error | undefined;
  client.on('error', (error) => { lost = error; });
  await client.connect();
  try {
    await client.query('SELECT pg_create_physical_replication_slot($1, true, true)', [SLOT]);
    const started = await client.query<{ file: string }>("SELECT pg_walfile_name(pg_backup_start('sluice', fast => true)) AS file");
    await mkdir(target, { mode: 0o700 });
    await copyFolder(cluster, target, signal);
    if (lost) throw lost;
    const stopped = await client.query<StoppedBackup>('SELECT pg_walfile_name(lsn) AS file, labelfile, spcmapfile FROM pg_backup_stop(wait_for_archive => false)');
    const { file: lastFile, labelfile, spcmapfile } = stopped.rows[0]!;
    await writeFile(join(target, 'backup_label'), labelfile, { mode: 0o600 });
    if (spcmapfile.trim() !== '') await writeFile(join(target, 'tablespace_map'), spcmapfile, { mode: 0o600 });
    await copyLog(join(cluster, 'pg_wal'), join(target, 'pg_wal'), started.rows[0]!.file, lastFile);
  } finally {
    await client.end();
  }
}

interface StoppedBackup {
  readonly file: string;
  readonly labelfile: string;
  readonly spcmapfile: string;
}

async function copyFolder(from: string, to: string, signal: AbortSignal): Promise<void> {
  for (const entry of await readdir(from, { withFileTypes: true })) {
    signal.throwIfAborted();
    if (LEFT_OUT.has(entry.name) || TEMPORARY.test(entry.name)) continue;
    const [source, copy] = [join(from, entry.name), join(to, entry.name)];
    if (entry.isFile()) await copyUnlessGone(source, copy);
    if (!entry.isDirectory()) continue;
    await mkdir(copy, { mode: 0o700 });
    if (!EMPTY_FOLDERS.has(entry.name)) await copyFolder(source, copy, signal);
  }
}

async function copyLog(from: string, to: string, first: string, last: string): Promise<void> {
  await mkdir(join(to, 'archive_status'), { mode: 0o700 });
  for (const name of await readdir(from)) {
    const wanted = TIMELINE_HISTORY.test(name) || (WAL_SEGMENT.test(name) && name >= first && name <= last);
    if (wanted) await copyFile(join(from, name), join(to, name), constants.COPYFILE_FICLONE);
  }
}

/** A table that is dropped while we copy takes its files along; the log tells a later start about it. */
async function copyUnlessGone(from: string, to: string): Promise<void> {
  try {
    await copyFile(from, to, constants.COPYFILE_FICLONE);
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code !== 'ENOENT') throw thrown;
  }
}
