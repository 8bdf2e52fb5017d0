import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ManualClock } from '@sluice/clock';
import { ServiceError } from '@sluice/errors';
import { createSql, type SqlPool } from '@sluice/sql';
import { startTestDatabase, type TestDatabase } from '@sluice/sql/testing';
import { silentLogger } from '@sluice/telemetry';
import { createPostgresEventLog, type PostgresEventLog } from './postgres-event-log.ts';

const POLLS = 500;
const clock = new ManualClock();
let database: TestDatabase;
let log: PostgresEventLog;
let sql: SqlPool;

beforeAll(async () => {
  database = await startTestDatabase();
  sql = createSql({ url: database.url, schema: 'events' });
  log = await createPostgresEventLog({ url: database.url, clock, logger: silentLogger });
});
afterAll(async () => {
  await log.stop();
  await sql.end();
  await database.stop();
});

async function untilBlocked(): Promise<void> {
  for (let poll = 0; poll < POLLS; poll++) {
    if ((await sql.query("SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock'")).length > 0) return;
    await sql.query('SELECT pg_sleep(0.01)');
  }
  throw new Error('nothing waits for a lock');
}

/** Takes an epoch while somebody else holds the producer's row for as long as given. */
async function takeBehindLock(heldMs: number): Promise<bigint | string> {
  const taking = Promise.withResolvers<bigint | string>();
  await sql.transaction(async (transaction) => {
    await transaction.query("SELECT 1 FROM producer WHERE name = 'p' FOR UPDATE");
    log.takeEpoch('p').then(taking.resolve, (thrown: unknown) => taking.resolve(ServiceError.from(thrown).code));
    await untilBlocked();
    clock.jump(heldMs);
  });
  return taking.promise;
}

describe('an epoch that is asked for', () => {
  it('is not made any more when its producer has given up and asks again', async () => {
    const first = await log.takeEpoch('p');
    expect(await takeBehindLock(8_000)).toBe('audit_log_unavailable');
    await log.appendSegment({ producer: 'p', epoch: first, seq: 0n, bytes: Buffer.from('still open') });
    expect(await takeBehindLock(7_999)).toBe(first + 1n);
    expect(await log.takeEpoch('p')).toBe(first + 2n);
  });
});
