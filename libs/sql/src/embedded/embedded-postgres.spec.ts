import { afterEach, describe, expect, it } from '@jest/globals';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { createSql, EmbeddedPostgres, runningServer, type SqlPool } from '@sluice/sql';
import { readPostmasterPid } from './postmaster-pid.ts';
import { processIdentity } from './process-identity.ts';

const LONG_MS = 240_000;
const WAIT_LIMIT_MS = 60_000;
const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => { for (const cleanup of cleanups.splice(0).reverse()) await cleanup(); });

async function folder(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'epg-'));
  cleanups.push(() => rm(path, { recursive: true, force: true }));
  return path;
}

async function start(data: string, options: Parameters<typeof EmbeddedPostgres.start>[1] = {}): Promise<{ server: EmbeddedPostgres; sql: SqlPool }> {
  const server = await EmbeddedPostgres.start(data, options);
  const sql = createSql({ url: server.url, schema: 'public', connections: 2 });
  cleanups.push(() => server.stop(), () => sql.end());
  return { server, sql };
}

async function until(condition: () => Promise<boolean>): Promise<void> {
  const endMs = performance.now() + WAIT_LIMIT_MS;
  while (!(await condition())) {
    if (performance.now() > endMs) throw new Error('the condition did not come true');
    await pause(10);
  }
}

describe('EmbeddedPostgres', () => {
  it('makes a durable server on a Unix socket only, keeps its data over a restart, and refuses a second user', async () => {
    const data = await folder();
    const first = await start(data);
    expect(await first.sql.query("SELECT name, setting FROM pg_settings WHERE name IN ('fsync', 'synchronous_commit', 'listen_addresses') ORDER BY name")).toEqual([
      { name: 'fsync', setting: 'on' }, { name: 'listen_addresses', setting: '' }, { name: 'synchronous_commit', setting: 'on' },
    ]);
    await expect(EmbeddedPostgres.start(data)).rejects.toThrow(`in use by process ${process.pid}`);
    await first.sql.query('CREATE TABLE kept AS SELECT 7 AS n');
    const pid = first.server.pid!;
    expect(await runningServer(data)).toBe(first.server.url);
    await first.server.stop();
    expect(await runningServer(data)).toBeUndefined();
    expect(await processIdentity(pid)).toBeUndefined();
    const second = await start(data);
    expect(second.server.url).toBe(first.server.url);
    expect(await second.sql.query('SELECT n FROM kept')).toEqual([{ n: 7 }]);
    expect((await stat(join(data, 'postgres.log'))).mode & 0o777).toBe(0o600);
  }, LONG_MS);

  it('comes back by itself when the server is killed, with all that was committed', async () => {
    const data = await folder();
    const exits: unknown[] = [];
    const { server, sql } = await start(data, { onUnexpectedExit: (exit) => exits.push(exit) });
    await sql.query('CREATE TABLE kept AS SELECT 8 AS n');
    process.kill(server.pid!, 'SIGKILL');
    await until(async () => exits.length === 1);
    await until(() => sql.query('SELECT n FROM kept').then(([row]) => row?.['n'] === 8, () => false));
    expect(exits).toEqual([{ code: null, signal: 'SIGKILL' }]);
  }, LONG_MS);

  it('replaces a server that outlived its killed parent', async () => {
    const data = await folder();
    const script = `import { EmbeddedPostgres } from '@sluice/sql'; const s = await EmbeddedPostgres.start(${JSON.stringify(data)}); console.log(s.pid); setInterval(() => {}, 1000);`;
    const root = new URL('../../../../', import.meta.url);
    const parent = spawn(process.execPath, ['--conditions=@sluice/source', '--import', './deploy/host/source-loader.mjs', '--input-type=module', '-e', script], { cwd: root, stdio: ['ignore', 'pipe', 'inherit'] });
    cleanups.push(async () => parent.kill('SIGKILL'));
    const [line] = await once(parent.stdout, 'data') as [Buffer];
    const orphan = Number(line.toString());
    await expect(EmbeddedPostgres.start(data)).rejects.toThrow(`in use by process ${parent.pid}`);
    parent.kill('SIGKILL');
    await once(parent, 'exit');
    expect(await processIdentity(orphan)).toBeDefined();
    const { server, sql } = await start(data);
    expect(await processIdentity(orphan)).toBeUndefined();
    expect(server.pid).not.toBe(orphan);
    expect(await sql.query('SELECT 1 AS one')).toEqual([{ one: 1 }]);
  }, LONG_MS);

  it('starts over a pid file and a socket lock that name a living stranger, and leaves the stranger alone', async () => {
    const data = await folder();
    await (await start(data)).server.stop();
    const stranger = spawn('sleep', ['600'], { stdio: 'ignore' });
    cleanups.push(async () => stranger.kill('SIGKILL'));
    await writeFile(join(data, 'postgres', 'postmaster.pid'), `${stranger.pid}\n${join(data, 'postgres')}\n`);
    await writeFile(join(data, 'run', '.s.PGSQL.5432.lock'), `${stranger.pid}\n${join(data, 'postgres')}\n`);
    const { sql, server } = await start(data);
    expect(await sql.query('SELECT 1 AS one')).toEqual([{ one: 1 }]);
    expect((await readPostmasterPid(join(data, 'postgres')))?.pid).toBe(server.pid);
    expect(stranger.exitCode ?? stranger.signalCode).toBeNull();
  }, LONG_MS);

  it('puts the socket elsewhere when the data folder has a long path', async () => {
    const data = join(await folder(), 'd'.repeat(60), 'e'.repeat(60));
    await mkdir(data, { recursive: true });
    const { server, sql } = await start(data);
    const socket = new URL(server.url.replace('@/', '@x/')).searchParams.get('host')!;
    cleanups.unshift(() => rm(socket, { recursive: true, force: true }));
    expect(socket.startsWith(data)).toBe(false);
    expect((await stat(socket)).mode & 0o777).toBe(0o700);
    expect(await sql.query('SELECT 1 AS one')).toEqual([{ one: 1 }]);
  }, LONG_MS);

  it('fails with the reason when the cluster is broken, and does not keep the folder', async () => {
    const data = await folder();
    await (await start(data)).server.stop();
    await writeFile(join(data, 'postgres', 'PG_VERSION'), '12\n');
    await expect(EmbeddedPostgres.start(data)).rejects.toThrow('incompatible');
    // The end of a long log is told from the beginning of a line.
    await writeFile(join(data, 'postgres.log'), `${'x'.repeat(5_000)}\n`);
    await expect(EmbeddedPostgres.start(data)).rejects.toThrow(/^PostgreSQL ended at its start:\n(?!x)[^]*incompatible/);
  }, LONG_MS);

  it('copies a cluster that is being written to; the copy holds all that was committed before', async () => {
    const [data, copy] = [await folder(), await folder()];
    const { server, sql } = await start(data);
    await sql.query('CREATE TABLE log (n bigserial PRIMARY KEY, filler text)');
    let running = true;
    let committed = 0n;
    const writer = (async () => {
      while (running) {
        const [row] = await sql.query<{ n: bigint }>("INSERT INTO log (filler) SELECT repeat('x', 500) FROM generate_series(1, 20) RETURNING n");
        committed = row!.n + 19n;
        if (committed % 1_000n === 0n) await sql.query('CHECKPOINT');
      }
    })();
    await until(async () => committed > 200n);
    const before = committed;
    await server.backup(copy, new AbortController().signal);
    const after = committed;
    running = false;
    await writer;
    expect(after).toBeGreaterThan(before);
    const restored = await start(copy);
    const [row] = await restored.sql.query<{ n: bigint; last: bigint }>('SELECT count(*) AS n, max(n) AS last FROM log');
    expect(row!.n).toBe(row!.last);
    expect(row!.n).toBeGreaterThanOrEqual(before);
    expect(row!.n).toBeLessThanOrEqual(committed);
    expect(await readFile(join(copy, 'postgres', 'backup_label'), 'utf8').catch(() => 'used')).toBe('used');
    await expect(server.backup(copy, new AbortController().signal)).rejects.toThrow('EEXIST');
    await expect(server.backup(`${copy}-2`, AbortSignal.abort(new Error('given up')))).rejects.toThrow('given up');
    // The server is left as it was: the next one is whole.
    await server.backup(`${copy}-3`, new AbortController().signal);
  }, LONG_MS);

  it('leaves no server of a test run behind when the run is killed', async () => {
    const script = `import { startTestDatabase } from '@sluice/sql/testing'; const d = await startTestDatabase(); console.log(d.url); setInterval(() => {}, 1000);`;
    const root = new URL('../../../../', import.meta.url);
    const run = spawn(process.execPath, ['--conditions=@sluice/source', '--import', './deploy/host/source-loader.mjs', '--input-type=module', '-e', script], { cwd: root, stdio: ['ignore', 'pipe', 'inherit'] });
    cleanups.push(async () => run.kill('SIGKILL'));
    const [line] = await once(run.stdout, 'data') as [Buffer];
    const socket = decodeURIComponent(/host=([^&]+)/.exec(line.toString())![1]!);
    const { pid } = (await readPostmasterPid(join(socket, '..', 'postgres')))!;
    expect(await processIdentity(pid)).toBeDefined();
    run.kill('SIGKILL');
    await until(async () => (await processIdentity(pid)) === undefined);
    await until(() => stat(join(socket, '..')).then(() => false, () => true));
  }, LONG_MS);
});

