import { ManualClock, systemClock, systemIds, type Clock } from '@sluice/clock';
import type { SegmentEntry } from '@sluice/events';
import type { Hold, Price } from '@sluice/proto/billing/v1/billing';
import type { CallAbandoned } from '@sluice/proto/events/v1/calls';
import { createSql, migrate, readMigrations, type SqlPool } from '@sluice/sql';
import { startTestDatabase, type TestDatabase } from '@sluice/sql/testing';
import { silentLogger } from '@sluice/telemetry';
import { AfterCommit } from '../adapters/after-commit.ts';
import { consumeAbandoned, consumeSegments, type ConsumerDependencies } from '../adapters/calls.consumer.ts';
import { loadBook, type Memory } from '../adapters/load-book.ts';
import { BudgetBook } from '../domain/budget-book.ts';
import type { OpenCall } from '../domain/call.ts';
import { PriceList } from '../domain/price-list.ts';

export const WIRE_PRICE: Price = { $typeName: 'billing.v1.Price', id: 'price_1', model: 'small', currency: 'USD', inputNano: 3n, cachedInputNano: 1n, outputNano: 5n, reasoningNano: 5n, validFromMs: 0n };
export const WIRE_HOLD: Hold = { $typeName: 'billing.v1.Hold', amountNano: 80n, limited: true, outputTokens: 10n };

/** The tables of billing on a real server with what fills them, without the event log. */
export class LedgerTables implements AsyncDisposable {
  readonly sql: SqlPool;
  readonly ids = systemIds(systemClock);
  readonly wall = new ManualClock();
  readonly clock: Clock = { ...systemClock, wallMs: () => this.wall.wallMs() };
  readonly afterCommit: AfterCommit;
  readonly book = new BudgetBook();
  readonly open = new Map<string, OpenCall>();
  strays = 0;
  readonly #database: TestDatabase;

  private constructor(database: TestDatabase) {
    this.#database = database;
    this.sql = createSql({ url: database.url, schema: 'billing', connections: 3 });
    this.afterCommit = new AfterCommit(this.sql, this.clock, silentLogger, () => { throw new Error('nothing is lost here'); });
  }

  static async build(): Promise<LedgerTables> {
    const tables = new LedgerTables(await startTestDatabase());
    await migrate(tables.sql, await readMigrations(new URL('../../migrations/', import.meta.url)));
    return tables;
  }

  get consumer(): ConsumerDependencies {
    return { clock: this.clock, ids: this.ids, book: this.book, open: this.open, afterCommit: this.afterCommit, onBilled: () => undefined, onStrays: (strays) => { this.strays += strays; } };
  }

  /** Memory as a process that starts on a day builds it. */
  async loaded(day: number): Promise<Memory> {
    const memory: Memory = { book: new BudgetBook(), prices: new PriceList(), open: new Map() };
    await loadBook(this.sql, memory, day);
    return memory;
  }

  /** As the event log does it: in a transaction; then waits until memory has followed. */
  async consume(entries: readonly SegmentEntry[]): Promise<void> {
    await this.sql.transaction((transaction) => consumeSegments(transaction, entries, this.consumer));
    await this.afterCommit.settled();
  }

  async tellAbandoned(message: CallAbandoned): Promise<void> {
    await this.sql.transaction((transaction) => consumeAbandoned(transaction, { position: 1n, key: '', message }, this.consumer));
    await this.afterCommit.settled();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.afterCommit.stop();
    await this.sql.end();
    await this.#database.stop();
  }
}
