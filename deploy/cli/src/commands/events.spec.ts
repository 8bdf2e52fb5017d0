import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { create } from '@bufbuild/protobuf';
import { systemClock } from '@sluice/clock';
import { ServiceError } from '@sluice/errors';
import { createPostgresEventLog, type PostgresEventLog } from '@sluice/events';
import { CallAbandonedSchema } from '@sluice/proto/events/v1/calls';
import { createSql, runningServer, type SqlPool } from '@sluice/sql';
import { startTestDatabase, type TestDatabase } from '@sluice/sql/testing';
import { silentLogger } from '@sluice/telemetry';
import { dataFolder } from '../data-folder/data-folder.ts';
import { takeLock } from '../data-folder/lock.ts';
import { MeshFile } from '../mesh/mesh-file.ts';
import { runCli, type CliResult } from '../testing/run-cli.ts';
import { UpHouse } from '../testing/up-house.ts';

const LONG_MS = 120_000;
const TOPIC = 'call.abandoned';
const DAY_MS = 86_400_000;
const since = new Date(Date.now() - DAY_MS).toISOString();

describe('events', () => {
  const house = new UpHouse();
  let database: TestDatabase;
  let sql: SqlPool;
  let log: PostgresEventLog;
  const faulty = new Set(['one', 'two']);

  beforeAll(async () => {
    database = await startTestDatabase();
    sql = createSql({ url: database.url, schema: 'shop' });
    await sql.query('CREATE SCHEMA shop');
    // What is tried again is tried again at once.
    log = await createPostgresEventLog({ url: database.url, clock: { ...systemClock, after: (delayMs, run) => systemClock.after(delayMs / 100, run) }, logger: silentLogger });
  }, LONG_MS);
  afterAll(async () => {
    await log.stop();
    await sql.end();
    await database.stop();
    await house.dispose();
  }, LONG_MS);

  const onDatabase = async (...words: string[]): Promise<CliResult> => runCli(['events', ...words], { env: { DATABASE_URL: database.url, SLUICE_DATA: house.data } });
  const publish = (on: SqlPool, ...ids: string[]): Promise<void> => on.transaction(async (transaction) => {
    for (const callId of ids) await log.publish(transaction, CallAbandonedSchema, 'org_1', create(CallAbandonedSchema, { callId, model: 'tiny' }));
  });
  /** A consumer of this topic, as long as the work takes. */
  const consuming = async (consumer: string, work: () => Promise<void>): Promise<void> => {
    const subscription = log.subscribe(CallAbandonedSchema, consumer, async (transaction, { message }) => {
      await transaction.query('SELECT 1');
      if (faulty.has(message.callId)) throw new ServiceError('internal', 'It cannot be handled.');
    });
    try {
      await subscription.caughtUp();
      await work();
    } finally {
      await subscription.stop();
    }
  };

  it('lists dead letters, shows one with its message, and tells what became of each that was replayed', async () => {
    expect(await onDatabase('dead', 'replay')).toMatchObject({ code: 0, stdout: 'There are no dead letters to replay.\n' });
    await publish(sql, 'one', 'two');
    await consuming('shop', async () => {
      const list = await onDatabase('dead', 'list', '--topic', TOPIC);
      expect(list).toMatchObject({ code: 0, stdout: expect.stringMatching(/^TOPIC +CONSUMER +POSITION +KEY +CODE +ATTEMPTS +FAILED AT\ncall\.abandoned +shop +1 +org_1 +internal +8 +\d{4}-\d\d-\d\d .*Z\ncall\.abandoned +shop +2 /) });
      const shown = await onDatabase('dead', 'show', TOPIC, 'shop', '2');
      expect(JSON.parse(shown.stdout)).toMatchObject({ object: 'dead_letter', topic: TOPIC, consumer: 'shop', position: '2', attempts: 8, waiting: false, type: 'events.v1.CallAbandoned', message: { callId: 'two', model: 'tiny' } });
      faulty.delete('one');
      const replayed = await onDatabase('dead', 'replay', '--consumer', 'shop', '--wait', '60');
      expect(replayed).toMatchObject({ code: 1, stdout: '2 given to their consumers again: 1 handled, 1 failed again, 0 not taken up.\nfailed again: call.abandoned shop 2: internal, attempt 9\n' });
    });
    const left = await onDatabase('dead', 'replay', '--wait', '0', '--json');
    expect(left.code).toBe(1);
    expect(JSON.parse(left.stdout)).toMatchObject({ object: 'dead_letter_replay', given: 1, handled: 0, failed: [], waiting: [{ position: '2', waiting: true }] });
  }, LONG_MS);

  it('replays a topic for a consumer that bears it', async () => {
    const replay = ['replay', TOPIC, '--consumer', 'billing', '--since', since];
    faulty.clear();
    await consuming('billing', async () => {
      expect(await onDatabase(...replay)).toMatchObject({ code: 2, stderr: expect.stringContaining('give --yes') });
      expect(await onDatabase(...replay, '--yes', '--wait', '60')).toMatchObject({ code: 0, stdout: 'billing handles 2 records of call.abandoned again, from position 1; 2 are done.\n' });
    });
    const behind = await onDatabase(...replay, '--yes', '--wait', '0', '--json');
    expect(JSON.parse(behind.stdout)).toMatchObject({ object: 'replay', from_position: '1', records: '2', handled: '0', dead_letters_removed: 0 });
  }, LONG_MS);

  it('refuses what makes no sense, and what would do damage', async () => {
    const refused: [string[], number, string][] = [
      [['replay', 'admin.acted', '--consumer', 'audit', '--since', since, '--yes'], 1, 'from which nothing can be removed'],
      [['replay', TOPIC, '--consumer', 'billing', '--since', '2020-01-01', '--yes'], 1, 'keeps call.abandoned for 7 days'],
      [['dead', 'show', TOPIC, 'shop', 'x'], 2, 'Give the number'],
      [['dead', 'show', TOPIC, 'shop', '1'], 1, 'shop has no dead letter at position 1 of call.abandoned'],
      [['dead', 'list', '--stack', house.data], 1, 'No stack runs in'],
    ];
    const answers = await Promise.all(refused.map(async ([words]) => onDatabase(...words)));
    for (const [index, [, code, said]] of refused.entries()) expect(answers[index]).toMatchObject({ code, stderr: expect.stringContaining(said) });
  }, LONG_MS);

  it('finds the database of the platform that runs in the data folder, and says so when none does', async () => {
    const here = async (...words: string[]): Promise<CliResult> => runCli(['events', ...words], { env: { SLUICE_DATA: house.data } });
    expect(await here('dead', 'list')).toMatchObject({ code: 1, stderr: expect.stringMatching(/No platform is running with the data folder .*\nStart it with: sluice up\n.*DATABASE_URL/s) });
    // A mesh that runs in the folder has its log on its stack.
    mkdirSync(house.data, { mode: 0o700 });
    const folder = dataFolder(house.data);
    writeFileSync(folder.mesh, JSON.stringify({ version: 1, ports: {}, processes: {} }));
    const lock = takeLock(folder.lock);
    expect(await here('dead', 'list')).toMatchObject({ code: 1, stderr: expect.stringContaining(`No stack runs in ${house.data}-stack`) });
    // Where it was given another one, it knows that.
    new MeshFile(folder.mesh).keepPlace(`${house.data}-elsewhere`, {});
    expect(await here('dead', 'list')).toMatchObject({ code: 1, stderr: expect.stringContaining(`No stack runs in ${house.data}-elsewhere.`) });
    lock.release();
    // A platform of `sluice up` does not begin where a mesh has.
    rmSync(folder.mesh);
    const running = await house.start();
    const embedded = createSql({ url: (await runningServer(house.data))!, schema: 'events' });
    try {
      await publish(embedded, 'not an id of a call');
      expect(await here('dead', 'list')).toMatchObject({ code: 0, stdout: 'There are no dead letters.\n' });
      expect(await here('replay', TOPIC, '--consumer', 'billing', '--since', since, '--yes', '--wait', '60')).toMatchObject({ code: 0, stderr: '', stdout: expect.stringContaining('1 are done') });
    } finally {
      await embedded.end();
    }
    await house.interrupt(running);
    expect(await runningServer(house.data)).toBeUndefined();
  }, LONG_MS);
});
