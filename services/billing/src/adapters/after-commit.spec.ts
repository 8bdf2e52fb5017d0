import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { systemClock } from '@sluice/clock';
import { createSql, migrate, readMigrations, SqlError, type Sql, type SqlPool, type SqlTransaction } from '@sluice/sql';
import { startTestDatabase, type TestDatabase } from '@sluice/sql/testing';
import { silentLogger } from '@sluice/telemetry';
import { AfterCommit, type Follow } from './after-commit.ts';

let database: TestDatabase;
let sql: SqlPool;
beforeAll(async () => {
  database = await startTestDatabase();
  sql = createSql({ url: database.url, schema: 'billing', connections: 3 });
  await migrate(sql, await readMigrations(new URL('../../migrations/', import.meta.url)));
});
afterAll(async () => {
  await sql.end();
  await database.stop();
});

const newOne = (through: Sql = sql, onLost = (): void => { throw new Error('nothing is lost here'); }) => new AfterCommit(through, systemClock, silentLogger, onLost);
/** What memory does with what is durable. */
const then = (effect: () => void): Follow => (isDurable) => { if (isDurable) effect(); };

describe('what follows a commit', () => {
  it('happens when it is known that it committed, and not before', async () => {
    const after = newOne();
    const seen: string[] = [];
    const gate = Promise.withResolvers<void>();
    const given = Promise.withResolvers<void>();
    const transaction = sql.transaction(async (running) => {
      await after.run(running, then(() => seen.push('done')));
      given.resolve();
      await gate.promise;
    });
    await given.promise;
    // Whoever asks meanwhile sees that it is in progress.
    expect(await sql.query("SELECT 1 WHERE pg_xact_status(pg_snapshot_xmin(pg_current_snapshot())) = 'in progress'")).toHaveLength(1);
    expect(seen).toEqual([]);
    gate.resolve();
    await transaction;
    await after.settled();
    expect(seen).toEqual(['done']);
  });

  it('does not happen when it was rolled back, and what comes behind it does, in order', async () => {
    const after = newOne();
    const seen: number[] = [];
    for (let at = 0; at < 6; at++) {
      await sql.transaction(async (running) => {
        await after.run(running, then(() => seen.push(at)));
        if (at % 2 === 1) throw new Error('rolled back');
      }).catch(() => undefined);
    }
    await after.settled();
    expect(seen).toEqual([0, 2, 4]);
  });

  it('happens although the server could not be asked at first', async () => {
    let failures = 3;
    const flaky: Sql = {
      query: (statement, values) => (failures-- > 0 ? Promise.reject(new SqlError('unavailable', 'away')) : sql.query<never>(statement, values)),
      transaction: (work) => sql.transaction(work),
    };
    const after = newOne(flaky);
    let happened = false;
    await sql.transaction((running) => after.run(running, then(() => { happened = true; })));
    await after.settled();
    expect([happened, failures < 0]).toEqual([true, true]);
  });

  it('is built anew when it fails, which keeps nothing behind it from happening', async () => {
    let lost = 0;
    const after = newOne(sql, () => lost++);
    const seen: string[] = [];
    await sql.transaction((running) => after.run(running, then(() => { throw new Error('a fault of our own'); })));
    await sql.transaction((running) => after.run(running, then(() => seen.push('next'))));
    await after.settled();
    expect([seen, lost]).toEqual([['next'], 1]);
  });

  it.each([
    ['comes to a number that it has not reached, as after it was restored', () => sql.query<never>("SELECT pg_xact_status('9000000000'::xid8) AS fate")],
    ['has forgotten it', async () => [{ fate: null }] as never[]],
  ])('ends when the server %s: all that waits is dropped, and memory built anew', async (_why, ask) => {
    let lost = 0;
    const after = newOne({ query: ask, transaction: (work) => sql.transaction(work) }, () => lost++);
    const told: boolean[] = [];
    await sql.transaction((running) => after.run(running, (isDurable) => told.push(isDurable)));
    await after.settled();
    expect([told, lost]).toEqual([[false], 1]);
  });

  describe('where the server was killed and started anew in between', () => {
    /** As if another server had given the number of the transaction, and this one had given it to somebody else. */
    const byAnother = (running: SqlTransaction, xid: string): SqlTransaction => ({
      inTransaction: true,
      query: async (statement, values) => (await running.query<never>(statement, values)).map((row) => (typeof statement !== 'string' && statement.name === 'billing_mark' ? { ...(row as object), server: 'before', xid } : row) as never),
    });
    const committedXid = async (): Promise<string> => (await sql.transaction((running) => running.query<{ xid: string }>('SELECT pg_current_xact_id()::text AS xid')))[0]!.xid;

    it('happens when it was committed, and not when its number is that of another one which was', async () => {
      const after = newOne();
      const seen: string[] = [];
      await sql.transaction((running) => after.run(running, then(() => seen.push('before'))));
      await after.settled();
      const xid = await committedXid();
      await sql.transaction(async (running) => {
        await after.run(byAnother(running, xid), then(() => seen.push('lost')));
        throw new Error('the server was killed');
      }).catch(() => undefined);
      await after.settled();
      await sql.transaction((running) => after.run(byAnother(running, '9000000000'), then(() => seen.push('kept'))));
      await after.settled();
      expect(seen).toEqual(['before', 'kept']);
    });

    it('is built anew when what it followed before is not in the tables any more, as in a copy of before', async () => {
      let lost = 0;
      const after = newOne(sql, () => lost++);
      await sql.transaction((running) => after.run(running, () => undefined));
      await after.settled();
      await sql.query('DELETE FROM commit_mark');
      const told: boolean[] = [];
      await sql.transaction(async (running) => after.run(byAnother(running, await committedXid()), (isDurable) => told.push(isDurable)));
      await after.settled();
      expect([told, lost]).toEqual([[false], 1]);
    });

    it('leaves no more marks than those that are needed', async () => {
      await sql.query('DELETE FROM commit_mark');
      const after = newOne();
      for (let at = 0; at < 10; at++) {
        await sql.transaction(async (running) => {
          await after.run(running, () => undefined);
          if (at % 3 === 1) throw new Error('rolled back');
        }).catch(() => undefined);
        await after.settled();
      }
      expect((await sql.query('SELECT FROM commit_mark')).length).toBeLessThanOrEqual(2);
    });
  });

  it('asks nothing when it was seen to commit', async () => {
    const after = newOne({ query: () => Promise.reject(new Error('asked')), transaction: (work) => sql.transaction(work) });
    const told: boolean[] = [];
    const seen = await sql.transaction((running) => after.run(running, (isDurable) => told.push(isDurable)));
    seen();
    await after.settled();
    expect(told).toEqual([true]);
  });

  it('is given up when the process stops, so that nothing waits for a server that is away', async () => {
    const away: Sql = { query: () => Promise.reject(new SqlError('unavailable', 'away')), transaction: (work) => sql.transaction(work) };
    const after = newOne(away);
    await sql.transaction((running) => after.run(running, then(() => { throw new Error('must not happen'); })));
    after.stop();
    await expect(after.settled()).rejects.toMatchObject({ code: 'cancelled' });
  });
});
