import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { ManualClock } from '@sluice/clock';
import { ServiceError } from '@sluice/errors';
import { processIdentity, type Sql } from '@sluice/sql';
import { silentLogger } from '@sluice/telemetry';
import { LedgerTables } from '../testing/ledger-tables.ts';
import { until } from '../testing/house.ts';
import { BookLease, HELD_MS } from './book-lease.ts';
import { thisHolder } from './holder.ts';

let tables: LedgerTables;
let clock: ManualClock;
let lease: BookLease;
let told: string[];
/** The database as the lease reaches it. */
let isAway: boolean;
const reach: Sql = {
  query: (statement, values) => (isAway ? Promise.reject(away()) : tables.sql.query(statement, values)),
  transaction: (work) => (isAway ? Promise.reject(away()) : tables.sql.transaction((transaction) => work({ inTransaction: true, query: (statement, values) => (isAway ? Promise.reject(away()) : transaction.query(statement, values)) }))),
};
const away = (): ServiceError => new ServiceError('billing_unavailable', 'The database is away.');
/** What the witness has been told, and what it answers. */
let claims: bigint[];
let answer: boolean | ServiceError;
const witness = {
  holds: (term: bigint): Promise<boolean> => (claims.push(term), answer instanceof ServiceError ? Promise.reject(answer) : Promise.resolve(answer)),
  stop: () => Promise.resolve(),
};
const leaseOf = (withWitness: boolean): BookLease =>
  new BookLease({ sql: reach, clock, logger: silentLogger, witness: withWitness ? witness : undefined }, {
    onTaken: (isUnbroken) => told.push(isUnbroken ? 'taken up again' : 'taken'),
    onElsewhere: () => { if (told.at(-1) !== 'elsewhere') told.push('elsewhere'); },
  });
beforeAll(async () => { tables = await LedgerTables.build(); });
afterAll(() => tables[Symbol.asyncDispose]());
beforeEach(async () => {
  await tables.sql.query('DELETE FROM book_term');
  clock = new ManualClock();
  told = [];
  [isAway, claims, answer] = [false, [], true];
  lease = leaseOf(false);
});
afterEach(() => lease.stop());

/** Another process that keeps the book until it is told to end, in order or not. */
async function another(): Promise<(inOrder: boolean) => Promise<void>> {
  const [taken, end] = [Promise.withResolvers<void>(), Promise.withResolvers<boolean>()];
  const ended = tables.sql.transaction(async (transaction) => {
    await transaction.query("SELECT pg_advisory_xact_lock(hashtextextended('sluice billing book', 0))");
    await tables.sql.query('INSERT INTO book_term (term, is_ended) VALUES (7, false)');
    taken.resolve();
    if (await end.promise) await transaction.query('UPDATE book_term SET is_ended = true');
  });
  await taken.promise;
  return async (inOrder) => {
    end.resolve(inOrder);
    await ended;
  };
}

/** Lets the time of the lease run, in small steps, until something holds. */
const run = (holds: () => boolean): Promise<boolean> => until(() => {
  clock.advance(50);
  return holds();
}, Boolean);

describe('the right to keep the book', () => {
  it('is had at once where nobody has it, and is not believed longer than the server says so', async () => {
    await lease.start();
    expect([lease.isHeld, told]).toEqual([true, ['taken']]);
    clock.advance(HELD_MS);
    expect(lease.isHeld).toBe(false);
    // The question that was asked in that moment is answered.
    await run(() => lease.isHeld);
    expect(told).toEqual(['taken']);
  });

  it('is waited for while another process has it, and taken over when that put the book down', async () => {
    const end = await another();
    await lease.start();
    expect([lease.isHeld, lease.isElsewhere, told]).toEqual([false, true, ['elsewhere']]);
    await end(true);
    const from = clock.monotonicMs();
    await run(() => lease.isHeld);
    expect([told, await tables.sql.query('SELECT term, is_ended FROM book_term')]).toEqual([['elsewhere', 'taken'], [{ term: 8n, is_ended: false }]]);
    expect(lease.isElsewhere).toBe(false);
    expect(clock.monotonicMs()).toBeGreaterThan(from);
  });

  it('is not used before another process, that may only stand still, must know that it has lost it', async () => {
    const end = await another();
    await lease.start();
    await end(false);
    const from = clock.monotonicMs();
    await run(() => lease.isHeld);
    expect(clock.monotonicMs() - from).toBeGreaterThan(HELD_MS);
  });

  it('is taken up again after a lost connection, and known to be unbroken when nobody had it in between', async () => {
    await lease.start();
    const lose = () => tables.sql.query("SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND granted AND pid <> pg_backend_pid()");
    await lose();
    await run(() => told.length === 2);
    expect(told).toEqual(['taken', 'taken up again']);
    await lose();
    await tables.sql.query('UPDATE book_term SET term = term + 1');
    await run(() => told.length === 3);
    expect(told[2]).toBe('taken');
  });

  it('is given back in order at the end, and nothing is given out from that moment', async () => {
    await lease.start();
    const stopped = lease.stop();
    expect(lease.isHeld).toBe(false);
    await stopped;
    expect(await tables.sql.query('SELECT is_ended FROM book_term')).toEqual([{ is_ended: true }]);
    await tables.sql.query('DELETE FROM book_term');
    const end = await another();
    await end(true);
  });

  it('is waited for where the lock is free and nobody knows what became of the process that had it, but not where that is seen to be gone', async () => {
    await tables.sql.query('INSERT INTO book_term (term, is_ended) VALUES (7, false)');
    const from = clock.monotonicMs();
    void lease.start();
    await run(() => lease.isHeld);
    expect(clock.monotonicMs() - from).toBeGreaterThan(HELD_MS);
    await lease.stop();

    const child = spawn('sleep', ['60']);
    const identity = await processIdentity(child.pid!);
    const gone = once(child, 'exit');
    child.kill('SIGKILL');
    await gone;
    const sight = (await thisHolder()).split(' ').slice(0, 2).join(' ');
    await tables.sql.query('UPDATE book_term SET is_ended = false, holder = $1', [`${sight} ${identity}`]);
    const second = clock.monotonicMs();
    lease = leaseOf(false);
    await lease.start();
    expect([lease.isHeld, clock.monotonicMs() - second]).toEqual([true, 0]);
    expect((await tables.sql.query<{ holder: string }>('SELECT holder FROM book_term'))[0]!.holder).toBe(await thisHolder());
  });
});

describe('the right to keep the book while the database is away', () => {
  beforeEach(async () => {
    lease = leaseOf(true);
    await lease.start();
    await run(() => claims.length > 0);
    isAway = true;
  });
  /** Time passes in which nothing may change. */
  const pass = async (ms: number): Promise<void> => {
    const end = clock.monotonicMs() + ms;
    await run(() => clock.monotonicMs() >= end);
  };

  it('is kept for as long as the witness says that nobody has taken it, and nothing is lost when the database is back', async () => {
    await pass(4 * HELD_MS);
    expect([lease.isHeld, told, new Set(claims)]).toEqual([true, ['taken'], new Set([1n])]);
    isAway = false;
    await run(() => told.length === 2);
    expect([lease.isHeld, told[1]]).toEqual([true, 'taken up again']);
    await run(() => claims.at(-1) === 2n);
  });

  it('is lost when the witness does not answer either', async () => {
    await run(() => claims.length > 3);
    answer = away();
    await pass(HELD_MS);
    expect([lease.isHeld, lease.isElsewhere]).toEqual([false, false]);
    answer = true;
    await run(() => lease.isHeld);
    expect(told).toEqual(['taken']);
  });

  it('is lost at once when another process says that it takes over, whatever the database says later', async () => {
    answer = false;
    await run(() => lease.isElsewhere);
    expect([lease.isHeld, told]).toEqual([false, ['taken', 'elsewhere']]);
    const asked = claims.length;
    await pass(HELD_MS);
    expect([lease.isHeld, claims.length]).toEqual([false, asked]);
  });
});

describe('taking the right over', () => {
  it('says so to the witness before it waits, and takes nothing as long as that cannot be heard', async () => {
    await tables.sql.query('INSERT INTO book_term (term, is_ended) VALUES (7, false)');
    answer = away();
    lease = leaseOf(true);
    await lease.start();
    await run(() => claims.length > 3);
    expect([lease.isHeld, new Set(claims), told]).toEqual([false, new Set([8n]), []]);
    answer = true;
    const [from, asked] = [clock.monotonicMs(), claims.length];
    await run(() => lease.isHeld);
    expect([clock.monotonicMs() - from > HELD_MS, claims.length > asked, told]).toEqual([true, true, ['taken']]);
  });

  it('takes nothing when somebody else took it up during the wait', async () => {
    await tables.sql.query('INSERT INTO book_term (term, is_ended) VALUES (7, false)');
    lease = leaseOf(true);
    void lease.start();
    await run(() => claims.length > 0);
    await tables.sql.query('UPDATE book_term SET term = 8');
    await run(() => claims.includes(9n));
    expect([lease.isHeld, told]).toEqual([false, []]);
  });
});
