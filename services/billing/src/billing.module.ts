import { Inject, Module, type DynamicModule, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import { ServiceError } from '@sluice/errors';
import type { Subscription } from '@sluice/events';
import type { HealthState } from '@sluice/lifecycle';
import type { Platform } from '@sluice/platform';
import { AccessService } from '@sluice/proto/access/v1/access';
import { BillingService } from '@sluice/proto/billing/v1/billing';
import { CallAbandonedSchema } from '@sluice/proto/events/v1/calls';
import { explainedTables, readMigrations, type SqlTransaction } from '@sluice/sql';
import { AccessPermissions } from './adapters/access-permissions.ts';
import { sqlActs } from './adapters/acts-sql.ts';
import { AfterCommit } from './adapters/after-commit.ts';
import { billingRpc } from './adapters/billing.rpc.ts';
import { consumeAbandoned, consumeSegments, type ConsumerDependencies } from './adapters/calls.consumer.ts';
import { BillingFigures } from './adapters/figures.ts';
import { loadBook } from './adapters/load-book.ts';
import { dayOf } from './domain/period.ts';
import type { BillingConfig } from './config.ts';

const PLATFORM = Symbol('billing platform');

const CONSUMER = 'billing';
const CATCH_UP_RETRY_MS = 500;
/** Segments that wait to be billed; at a few hundred a second this is half a minute behind. */
const MAX_HEALTHY_LAG = 10_000;
/** What callers are told while the tables cannot be reached. */
const AWAY = { code: 'billing_unavailable', message: 'The database of billing is away.' } as const;

/** Keeps the book of budgets in memory, takes the log into the ledger, and answers BillingService. One process at a time: the book has one writer. */
@Module({})
class BillingModule implements OnModuleInit, OnApplicationShutdown {
  readonly #platform: Platform;
  #subscriptions: readonly Subscription[] = [];
  #afterCommit: AfterCommit | undefined;
  #figures: BillingFigures | undefined;
  /** Everything that was in the log at the start is in the book. */
  #isReady = false;
  #isStalled = false;
  #isStopped = false;

  constructor(@Inject(PLATFORM) platform: Platform) {
    this.#platform = platform;
  }

  async onModuleInit(): Promise<void> {
    const { clock, events, health, ids, logger } = this.#platform;
    const sql = await this.#platform.sql('billing', await readMigrations(new URL('../migrations/', import.meta.url)));
    const { book, prices, open } = await loadBook(sql, dayOf(clock.wallMs()));
    const afterCommit = (this.#afterCommit = new AfterCommit(sql, clock, logger));
    const figures: BillingFigures = (this.#figures = new BillingFigures({ lag: () => segments.lag(), holds: () => book.holds }));
    const onStrays = (strays: number): void => {
      figures.addStrays(strays);
      logger.error({ strays }, 'Records came that no producer should write: a second end of a call, or one without a beginning. They were not billed.');
    };
    const consumer: ConsumerDependencies = { clock, ids, book, open, afterCommit, onStrays, onBilled: (calls) => figures.addBilled(calls) };
    const segments = events.subscribeSegments(CONSUMER, (transaction, entries) => this.#watched(() => consumeSegments(transaction, entries, consumer)));
    // A call that was left out would be one that nobody paid: rather all wait than one is missing.
    const handleAbandoned = (transaction: SqlTransaction, record: Parameters<typeof consumeAbandoned>[1]): Promise<void> => consumeAbandoned(transaction, record, consumer);
    const abandoned = events.subscribe(CallAbandonedSchema, CONSUMER, handleAbandoned, { neverSkips: true });
    this.#subscriptions = [segments, abandoned];

    const tables = explainedTables(sql, AWAY);
    const permissions = new AccessPermissions(this.#platform.connect(AccessService));
    const administration = { acts: sqlActs(tables, { events, ids, afterCommit }), permissions, clock, ids, book, prices };
    const requireReady = (): void => this.#requireReady();
    this.#platform.serve(BillingService, billingRpc(tables, administration, { book, prices, clock, requireReady, onRefusal: (refusal) => figures.addRefusal(refusal) }));
    health.register('billing', () => this.#health(segments.lag()));
    void this.#catchUp();
  }

  async onApplicationShutdown(): Promise<void> {
    this.#isStopped = true;
    this.#afterCommit?.stop();
    await Promise.all(this.#subscriptions.map((subscription) => subscription.stop()));
    this.#figures?.stop();
  }

  /** Opens the book when all that was in the log is in it; until then nobody can tell what is spent. */
  async #catchUp(): Promise<void> {
    const { clock, logger } = this.#platform;
    while (!this.#isStopped && !this.#isReady) {
      try {
        await Promise.all(this.#subscriptions.map((subscription) => subscription.caughtUp()));
        await this.#afterCommit?.settled();
        this.#isReady = true;
      } catch (thrown) {
        if (this.#isStopped) return;
        logger.warn({ error: ServiceError.from(thrown) }, 'Billing cannot tell yet whether the log is taken in; it asks again.');
        await new Promise<void>((resolve) => clock.after(CATCH_UP_RETRY_MS, resolve));
      }
    }
  }

  /** The event log says why a batch fails and tries again; here it is remembered for health. */
  async #watched(work: () => Promise<void>): Promise<void> {
    try {
      await work();
      this.#isStalled = false;
    } catch (thrown) {
      this.#isStalled = true;
      throw thrown;
    }
  }

  #requireReady(): void {
    if (!this.#isReady) throw new ServiceError('billing_unavailable', 'Billing is taking in what happened before its start.', { retryAfterSeconds: 1 });
  }

  #health(lag: number): HealthState {
    if (!this.#isReady) return { status: 'degraded', detail: 'Billing is taking in what happened before its start; no call is admitted yet.' };
    if (this.#isStalled) return { status: 'degraded', detail: 'Billing cannot reach its tables or the log; it goes on when they are back.' };
    return lag > MAX_HEALTHY_LAG ? { status: 'degraded', detail: `${lag} segments wait to be billed.` } : { status: 'ok' };
  }
}

/** The service billing on a platform. */
export function createBilling(platform: Platform, _config: BillingConfig): DynamicModule {
  return { module: BillingModule, providers: [{ provide: PLATFORM, useValue: platform }] };
}
