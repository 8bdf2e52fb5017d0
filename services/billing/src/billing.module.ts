import { Inject, Module, type DynamicModule, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import type { Subscription } from '@sluice/events';
import { AccessPermissions } from '@sluice/permissions';
import type { Platform } from '@sluice/platform';
import { AccessService } from '@sluice/proto/access/v1/access';
import { BillingService } from '@sluice/proto/billing/v1/billing';
import { CallAbandonedSchema } from '@sluice/proto/events/v1/calls';
import { explainedTables, readMigrations, type SqlTransaction } from '@sluice/sql';
import { sqlActs } from './adapters/acts-sql.ts';
import { BookKeeper } from './adapters/book-keeper.ts';
import { billingRpc } from './adapters/billing.rpc.ts';
import { consumeAbandoned, consumeSegments, type ConsumerDependencies } from './adapters/calls.consumer.ts';
import { BillingFigures } from './adapters/figures.ts';
import type { Memory } from './adapters/load-book.ts';
import { BudgetBook } from './domain/budget-book.ts';
import type { Refusal } from './domain/hold.ts';
import { PriceList } from './domain/price-list.ts';
import type { BillingConfig } from './config.ts';

const PLATFORM = Symbol('billing platform');

const CONSUMER = 'billing';
const BOOK = 'billing.book';
/** What callers are told while the tables cannot be reached. */
const AWAY = { code: 'billing_unavailable', message: 'The database of billing is away.' } as const;

/** Keeps the book of budgets in memory, takes the log into the ledger, and answers BillingService. Of several processes on one database one does: the book has one writer. */
@Module({})
class BillingModule implements OnModuleInit, OnApplicationShutdown {
  readonly #platform: Platform;
  #keeper: BookKeeper | undefined;
  #figures: BillingFigures | undefined;

  constructor(@Inject(PLATFORM) platform: Platform) {
    this.#platform = platform;
  }

  async onModuleInit(): Promise<void> {
    const { clock, events, health, ids, logger } = this.#platform;
    const sql = await this.#platform.sql('billing', await readMigrations(new URL('../migrations/', import.meta.url)));
    const memory: Memory = { book: new BudgetBook(), prices: new PriceList(), open: new Map() };
    const { book, prices, open } = memory;
    const keeper: BookKeeper = (this.#keeper = new BookKeeper({ sql, clock, logger, memory, witness: events.witness?.(BOOK), subscribe: () => this.#subscribe(consumer, keeper) }));
    const { afterCommit } = keeper;
    const figures = (this.#figures = new BillingFigures({ lag: () => keeper.lag, holds: () => book.holds }));
    const onStrays = (strays: number): void => {
      figures.addStrays(strays);
      logger.error({ strays }, 'Records came that no producer should write: a second end of a call, or one without a beginning. They were not billed.');
    };
    const consumer: ConsumerDependencies = { clock, ids, book, open, afterCommit, onStrays, onBilled: (calls) => figures.addBilled(calls) };

    const tables = explainedTables(sql, AWAY);
    const permissions = new AccessPermissions(this.#platform.connect(AccessService));
    const administration = { acts: sqlActs(tables, { events, ids, afterCommit }), permissions, clock, ids, book, prices };
    const spending = { book, prices, clock, requireBook: () => keeper.requireBook(), requireReady: () => keeper.requireReady(), onRefusal: (refusal: Refusal) => figures.addRefusal(refusal) };
    this.#platform.serve(BillingService, billingRpc(tables, administration, spending));
    health.register('billing', () => keeper.health());
    await keeper.start();
  }

  async onApplicationShutdown(): Promise<void> {
    await this.#keeper?.stop();
    this.#figures?.stop();
  }

  #subscribe(consumer: ConsumerDependencies, keeper: BookKeeper): readonly [Subscription, Subscription] {
    const { events } = this.#platform;
    const segments = events.subscribeSegments(CONSUMER, (transaction, entries) => keeper.watched(() => consumeSegments(transaction, entries, consumer)), { isSole: true });
    // A call that was left out would be one that nobody paid: rather all wait than one is missing.
    const handleAbandoned = (transaction: SqlTransaction, record: Parameters<typeof consumeAbandoned>[1]): Promise<void> => keeper.watched(() => consumeAbandoned(transaction, record, consumer));
    return [segments, events.subscribe(CallAbandonedSchema, CONSUMER, handleAbandoned, { neverSkips: true, isSole: true })];
  }
}

/** The service billing on a platform. */
export function createBilling(platform: Platform, _config: BillingConfig): DynamicModule {
  return { module: BillingModule, providers: [{ provide: PLATFORM, useValue: platform }] };
}
