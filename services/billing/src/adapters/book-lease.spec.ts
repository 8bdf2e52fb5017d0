import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { ManualClock } from '@sluice/clock';
import { silentLogger } from '@sluice/telemetry';
import { LedgerTables } from '../testing/ledger-tables.ts';
import { until } from '../testing/house.ts';
import { BookLease, HELD_MS } from './book-lease.ts';

let tables: LedgerTables;
let clock: ManualClock;
let lease: BookLease;
let told: string[];
beforeAll(async () => { tables = await LedgerTables.build(); });
afterAll(() => tables[Symbol.asyncDispose]());
beforeEach(async () => {
  await tables.sql.query('DELETE FROM book_term');
  clock = new ManualClock();
  told = [];
  lease = new BookLease(tables.sql, clock, silentLogger, {
    onTaken: (isUnbroken) => told.push(isUnbroken ? 'taken up again' : 'taken'),
    onElsewhere: () => { if (told.at(-1) !== 'elsewhere') told.push('elsewhere'); },
  });
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
});
