import { mkdirSync, renameSync, rmSync } from 'node:fs';
import { connect, createServer, type AddressInfo } from 'node:net';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { demoWeights } from '@sluice/local-engine/testing';
import { createSql, EmbeddedPostgres } from '@sluice/sql';
import { runCli, type CliResult } from '../testing/run-cli.ts';
import { UpHouse, type Running } from '../testing/up-house.ts';

const LONG_MS = 300_000;
const LOAD_LIMIT_MS = 60_000;
const MODEL = 'smollm2-135m-instruct';

describe('a platform and what it stands on', () => {
  let house: UpHouse;
  const cleanups: (() => Promise<void>)[] = [];
  beforeEach(() => {
    house = new UpHouse();
  });
  afterEach(async () => {
    for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
    await house.dispose();
  });

  const sluice = async (...words: string[]): Promise<CliResult> => runCli([...words, '--data', house.data]);
  const ask = async (): Promise<CliResult> => sluice('chat', 'What is the capital of France?', '--model', MODEL, '--max-tokens', '8');
  /** A platform is up before it has read the weights of its models. */
  async function allIsWell({ ready }: Running): Promise<void> {
    const untilMs = performance.now() + LOAD_LIMIT_MS;
    while (((await (await fetch(`${ready.url}/readyz`)).json()) as { status: string }).status !== 'ok') {
      if (performance.now() > untilMs) throw new Error('the platform stays degraded');
      await pause(50);
    }
  }
  /** One paragraph without a stack. */
  const refusal = (text: string): object => ({ code: 1, stdout: '', stderr: expect.stringMatching(new RegExp(`^sluice: [^\\n]*${text}[^\\n]*\\n(?:[^\\n]+\\n)?$`)) });

  it('restored from a backup, elsewhere, answers with its model although the first folder is gone', async () => {
    const weights = await demoWeights();
    const first = await house.start();
    expect(await sluice('model', 'add', MODEL, '--gguf', weights)).toMatchObject({ code: 0 });
    expect(await sluice('backup', join(house.parent, 'copy'))).toMatchObject({ code: 0 });
    await house.interrupt(first);
    renameSync(house.data, join(house.parent, 'elsewhere'));
    expect(await sluice('restore', join(house.parent, 'copy'))).toMatchObject({ code: 0 });
    renameSync(join(house.parent, 'elsewhere', 'models'), join(house.parent, 'gone'));
    const restored = await house.start();
    await allIsWell(restored);
    expect(await ask()).toMatchObject({ code: 0, stdout: expect.stringMatching(/\w/) });
    await house.interrupt(restored);
  }, LONG_MS);

  it('does not start, and says why, on tables from which a newer version took something, or a migration that was changed', async () => {
    await house.interrupt(await house.start());
    const change = async (statement: string): Promise<void> => {
      const postgres = await EmbeddedPostgres.start(house.data);
      const sql = createSql({ url: postgres.url, schema: 'access' });
      await sql.query(statement).finally(async () => sql.end());
      await postgres.stop();
    };
    await change("INSERT INTO access.migration VALUES ('9999_later.sql', 'x', 0, false)");
    expect(await runCli(house.words())).toMatchObject({ ...refusal('A newer version has taken away from the tables of access'), code: 1 });
    await change("UPDATE access.migration SET only_expands = true WHERE name = '9999_later.sql'");
    await house.interrupt(await house.start());
    await change("DELETE FROM access.migration WHERE name = '9999_later.sql'");
    await change("UPDATE access.migration SET checksum = 'x' WHERE name LIKE '0001%'");
    expect(await runCli(house.words())).toMatchObject(refusal('has changed since it was applied'));
    expect(house.postgresPid()).toBeUndefined();
  }, LONG_MS);

  it('does not start, and says why, where something else lies in the place of the database', async () => {
    mkdirSync(join(house.data, 'postgres'), { recursive: true });
    expect(await runCli(house.words())).toMatchObject(refusal('holds no PostgreSQL cluster'));
    rmSync(join(house.data, 'sluice.log'));
    mkdirSync(join(house.data, 'sluice.log'));
    expect(await runCli(house.words())).toMatchObject(refusal('sluice.log is a folder'));
    rmSync(house.data, { recursive: true });
    mkdirSync(join(house.data, 'credentials.json'), { recursive: true });
    expect(await runCli(house.words())).toMatchObject(refusal('is a folder'));
  }, LONG_MS);

  it('works on a PostgreSQL of its owner, by TCP and by a socket, and says what is wrong with one', async () => {
    const postgres = await EmbeddedPostgres.start(join(house.parent, 'own'));
    cleanups.push(async () => postgres.stop());
    const door = await openTcpDoor(decodeURIComponent(/host=([^&]+)/.exec(postgres.url)![1]!));
    cleanups.push(door.close);
    const url = `postgresql://sluice:secret@127.0.0.1:${door.port}`;
    const running = await house.start({ DATABASE_URL: `${url}/postgres` });
    expect(await sluice('key', 'create', 'kept')).toMatchObject({ code: 0 });
    expect(await sluice('backup', join(house.parent, 'copy'))).toMatchObject({ code: 1, stderr: expect.stringContaining('cannot make backups') });
    await house.interrupt(running);
    const again = await house.start({ DATABASE_URL: postgres.url });
    expect((await sluice('key', 'list')).stdout).toContain('kept');
    await house.interrupt(again);
    const wrong = await runCli(house.words(), { env: { DATABASE_URL: `${url}/nothing` } });
    expect(wrong).toMatchObject(refusal('database "nothing" does not exist'));
    expect(wrong.stderr).not.toContain('secret');
  }, LONG_MS);

  /** The embedded server listens on a socket file only. */
  async function openTcpDoor(folder: string): Promise<{ port: number; close: () => Promise<void> }> {
    const server = createServer((client) => {
      const upstream = connect(join(folder, '.s.PGSQL.5432'));
      client.on('error', () => upstream.destroy()).on('close', () => upstream.destroy());
      upstream.on('error', () => client.destroy()).on('close', () => client.destroy());
      client.pipe(upstream).pipe(client);
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    return { port: (server.address() as AddressInfo).port, close: async () => void server.close() };
  }
});
