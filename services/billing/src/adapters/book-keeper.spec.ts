import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { systemClock, type Clock } from '@sluice/clock';
import type { Subscription } from '@sluice/events';
import type { Sql } from '@sluice/sql';
import { silentLogger } from '@sluice/telemetry';
import { LedgerTables } from '../testing/ledger-tables.ts';
import { until } from '../testing/house.ts';
import { BudgetBook } from '../domain/budget-book.ts';
import { PriceList } from '../domain/price-list.ts';
import { BookKeeper } from './book-keeper.ts';
import type { Memory } from './load-book.ts';

let tables: LedgerTables;
beforeAll(async () => { tables = await LedgerTables.build(); });
afterAll(() => tables[Symbol.asyncDispose]());

const KEY = { level: 'key', id: 'key' };

/** As a server that was restored from a copy answers: of a transaction it knows nothing. */
const restored: Sql = {
  query: (statement, values) => (typeof statement !== 'string' && statement.name === 'billing_fate' ? Promise.resolve([{ fate: null }] as never[]) : tables.sql.query(statement, values)),
  transaction: (work) => tables.sql.transaction(work),
};

const memoryOf = (): Memory => ({ book: new BudgetBook(), prices: new PriceList(), open: new Map() });

describe('the keeper of the book', () => {
  it('has started when the log is taken in, and looks at no clock for it', async () => {
    const taken = Promise.withResolvers<void>();
    const asked = Promise.withResolvers<void>();
    const delaysMs: number[] = [];
    const clock: Clock = { ...systemClock, after: (delayMs, run) => (delaysMs.push(delayMs), systemClock.after(delayMs, run)) };
    const caughtUp = (): Promise<void> => (asked.resolve(), taken.promise);
    const keeper = new BookKeeper({ sql: tables.sql, clock, logger: silentLogger, memory: memoryOf(), subscribe: () => [{ stop: async () => undefined, caughtUp, lag: () => 0 }] });
    let isStarted = false;
    try {
      const started = keeper.start().then(() => { isStarted = true; });
      await asked.promise;
      expect([isStarted, keeper.health().status]).toEqual([false, 'degraded']);
      taken.resolve();
      await started;
      expect(keeper.health().status).toBe('ok');
      expect(delaysMs.filter((delayMs) => delayMs < 100)).toEqual([]);
    } finally {
      await keeper.stop();
    }
  });

  it('has started 7 s later although there is much to take in, and gives out nothing until it is: its supervisor waits for its start', async () => {
    const asked = Promise.withResolvers<void>();
    const tooLong = Promise.withResolvers<() => void>();
    const clock: Clock = { ...systemClock, after: (delayMs, run) => (delayMs === 7_000 ? (tooLong.resolve(run), { cancel: () => undefined }) : systemClock.after(delayMs, run)) };
    const caughtUp = (): Promise<void> => (asked.resolve(), new Promise(() => undefined));
    const keeper = new BookKeeper({ sql: tables.sql, clock, logger: silentLogger, memory: memoryOf(), subscribe: () => [{ stop: async () => undefined, caughtUp, lag: () => 1_000_000 }] });
    try {
      const started = keeper.start();
      await asked.promise;
      (await tooLong.promise)();
      await started;
      expect(() => keeper.requireReady()).toThrow('Billing is taking in what happened before its start.');
    } finally {
      await keeper.stop();
    }
  });

  it('has started also when it is stopped before', async () => {
    const asked = Promise.withResolvers<void>();
    const caughtUp = (): Promise<void> => (asked.resolve(), new Promise(() => undefined));
    const keeper = new BookKeeper({ sql: tables.sql, clock: systemClock, logger: silentLogger, memory: memoryOf(), subscribe: () => [{ stop: async () => undefined, caughtUp, lag: () => 0 }] });
    const started = keeper.start();
    await asked.promise;
    await keeper.stop();
    await started;
  });

  it('builds memory anew from the tables when the database has forgotten what it committed, and takes in the log again', async () => {
    const subscribed: number[] = [];
    const memory = memoryOf();
    const subscription: Subscription = { stop: async () => undefined, caughtUp: async () => undefined, lag: () => 0 };
    const keeper = new BookKeeper({
      sql: restored, clock: tables.clock, logger: silentLogger, memory,
      subscribe: () => {
        subscribed.push(subscribed.length);
        return [subscription];
      },
    });
    expect(() => keeper.requireBook()).toThrow(expect.objectContaining({ code: 'billing_unavailable' }));
    try {
      await keeper.start();
      await until(() => keeper.health().status, (status) => status === 'ok');
      const told: boolean[] = [];
      memory.book.account(KEY).setCap({ amountNano: 1n, period: 'day', sinceDay: 0, baselineNano: 0n });
      await tables.sql.transaction(async (transaction) => {
        await keeper.afterCommit.run(transaction, (isDurable) => told.push(isDurable));
        await transaction.query("INSERT INTO spend_day VALUES ('key', 'key', $1, 'org', 5, 0, 0)", [Math.floor(tables.clock.wallMs() / 86_400_000)]);
      });
      await until(() => subscribed.length, (times) => times === 2 || told.includes(true));
      await until(() => keeper.health().status, (status) => status === 'ok');
      expect([told, memory.book.account(KEY).cap]).toEqual([[false], undefined]);
      expect(memory.book.account(KEY).standing(Math.floor(tables.clock.wallMs() / 86_400_000)).spentNano).toBe(5n);
    } finally {
      await keeper.stop();
    }
    expect(() => keeper.requireReady()).toThrow(expect.objectContaining({ code: 'billing_unavailable' }));
  });
});
