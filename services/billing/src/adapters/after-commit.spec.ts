import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { systemClock } from '@sluice/clock';
import { createSql, SqlError, type Sql, type SqlPool } from '@sluice/sql';
import { startTestDatabase, type TestDatabase } from '@sluice/sql/testing';
import { silentLogger } from '@sluice/telemetry';
import { AfterCommit } from './after-commit.ts';

let database: TestDatabase;
let sql: SqlPool;
beforeAll(async () => {
  database = await startTestDatabase();
  sql = createSql({ url: database.url, schema: 'public', connections: 3 });
});
afterAll(async () => {
  await sql.end();
  await database.stop();
});

const newOne = (through: Sql = sql) => new AfterCommit(through, systemClock, silentLogger);

describe('what follows a commit', () => {
  it('happens when it is known that it committed, and not before', async () => {
    const after = newOne();
    const seen: string[] = [];
    const gate = Promise.withResolvers<void>();
    const given = Promise.withResolvers<void>();
    const transaction = sql.transaction(async (running) => {
      await after.run(running, () => seen.push('done'));
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
        await after.run(running, () => seen.push(at));
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
    await sql.transaction((running) => after.run(running, () => { happened = true; }));
    await after.settled();
    expect([happened, failures < 0]).toEqual([true, true]);
  });

  it('does not keep what comes behind it from happening when it fails', async () => {
    const after = newOne();
    const seen: string[] = [];
    await sql.transaction((running) => after.run(running, () => { throw new Error('a fault of our own'); }));
    await sql.transaction((running) => after.run(running, () => seen.push('next')));
    await after.settled();
    expect(seen).toEqual(['next']);
  });

  it('is given up when the process stops, so that nothing waits for a server that is away', async () => {
    const away: Sql = { query: () => Promise.reject(new SqlError('unavailable', 'away')), transaction: (work) => sql.transaction(work) };
    const after = newOne(away);
    await sql.transaction((running) => after.run(running, () => { throw new Error('must not happen'); }));
    after.stop();
    await expect(after.settled()).rejects.toMatchObject({ code: 'cancelled' });
  });
});
