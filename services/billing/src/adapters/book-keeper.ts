import type { Clock } from '@sluice/clock';
import { ServiceError } from '@sluice/errors';
import type { Subscription, Witness } from '@sluice/events';
import type { HealthState } from '@sluice/lifecycle';
import type { Sql } from '@sluice/sql';
import type { Logger } from '@sluice/telemetry';
import { dayOf } from '../domain/period.ts';
import { AfterCommit } from './after-commit.ts';
import { BookLease, HELD_MS } from './book-lease.ts';
import { loadBook, type Memory } from './load-book.ts';

const RETRY_MS = 500;
/** Who was killed is believed to hold the book for HELD_MS; then the tables and the log are read. */
const START_LIMIT_MS = HELD_MS + 2_000;
/** Segments that wait to be billed; at a few hundred a second this is half a minute behind. */
const MAX_HEALTHY_LAG = 10_000;

export interface KeeperDependencies {
  readonly sql: Sql;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly memory: Memory;
  /** Of the right to keep the book, where the log is not in the same database. */
  readonly witness?: Witness | undefined;
  /** Begins to take in the log from where the tables are. */
  readonly subscribe: () => readonly [segments: Subscription, ...others: Subscription[]];
}

/**
 * Keeps memory in step with the tables: loads it when the book is this process's, takes in the log, and lets money be given
 * out when all that was in the log is in the book. When another process had the book in between, or the database has
 * forgotten what it committed, memory is built anew.
 */
export class BookKeeper {
  readonly afterCommit: AfterCommit;
  readonly #from: KeeperDependencies;
  readonly #lease: BookLease;
  /** Settles when money can be given out for the first time, or nobody waits for that any more. */
  readonly #opened = Promise.withResolvers<void>();
  #subscriptions: readonly Subscription[] = [];
  /** Goes up with every reason to build memory anew; what was begun for an older one does not count. */
  #wanted = 0;
  #isLoaded = false;
  #isCaughtUp = false;
  #isStalled = false;
  #isStopped = false;
  #loading: Promise<void> | undefined;

  constructor(from: KeeperDependencies) {
    const { sql, clock, logger, witness } = from;
    this.#from = from;
    this.afterCommit = new AfterCommit(sql, clock, logger, () => this.#reload());
    this.#lease = new BookLease({ sql, clock, logger, witness }, {
      onTaken: (isUnbroken) => { if (!isUnbroken || !this.#isLoaded) this.#reload(); },
      onElsewhere: () => { if (this.#isLoaded) this.#reload(); },
    });
  }

  /**
   * Resolves when money can be given out, or cannot be for now. Where the process before this one was killed, that takes as
   * long as nobody can know whether it gives any: a house that says it is ready should be.
   */
  async start(): Promise<void> {
    await this.#lease.start();
    const limit = this.#from.clock.after(START_LIMIT_MS, this.#opened.resolve);
    await this.#opened.promise;
    limit.cancel();
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#opened.resolve();
    this.afterCommit.stop();
    await this.#unsubscribe();
    await this.#loading;
    await this.#unsubscribe();
    await this.#lease.stop();
  }

  get lag(): number {
    return this.#subscriptions[0]?.lag() ?? 0;
  }

  /** Runs the work of one batch if the book is still this process's, also at its end; the event log says why it failed, and tries again. */
  async watched(work: () => Promise<void>): Promise<void> {
    try {
      this.requireBook();
      await work();
      this.requireBook();
      this.#isStalled = false;
    } catch (thrown) {
      this.#isStalled = true;
      throw thrown;
    }
  }

  requireBook(): void {
    if (!this.#lease.isHeld) throw unavailable(this.#lease.isElsewhere ? 'Another process keeps the book of budgets in this database.' : 'Billing cannot reach its database.');
    if (!this.#isLoaded) throw unavailable('Billing reads its tables.');
  }

  requireReady(): void {
    this.requireBook();
    if (!this.#isCaughtUp) throw unavailable('Billing is taking in what happened before its start.');
  }

  health(): HealthState {
    const unready = this.#unready();
    if (unready) return { status: 'degraded', detail: `${unready.message} No call is admitted yet.` };
    if (this.#isStalled) return { status: 'degraded', detail: 'Billing cannot reach its tables or the log; it goes on when they are back.' };
    return this.lag > MAX_HEALTHY_LAG ? { status: 'degraded', detail: `${this.lag} segments wait to be billed.` } : { status: 'ok' };
  }

  #unready(): ServiceError | undefined {
    try {
      this.requireReady();
      return undefined;
    } catch (thrown) {
      return ServiceError.from(thrown);
    }
  }

  #reload(): void {
    this.#wanted++;
    this.#isLoaded = this.#isCaughtUp = false;
    this.#loading ??= this.#load().finally(() => { this.#loading = undefined; });
  }

  async #load(): Promise<void> {
    const { sql, clock, logger, memory, subscribe } = this.#from;
    while (!this.#isStopped && !this.#isLoaded) {
      const wanted = this.#wanted;
      try {
        await this.#unsubscribe();
        if (this.#lease.isElsewhere) return;
        await this.afterCommit.settled();
        await loadBook(sql, memory, dayOf(clock.wallMs()));
        if (wanted !== this.#wanted || this.#isStopped) continue;
        this.#isLoaded = true;
        this.#subscriptions = subscribe();
        void this.#catchUp(wanted);
      } catch (thrown) {
        if (this.#isStopped) return;
        logger.warn({ error: ServiceError.from(thrown) }, 'Billing cannot read its tables; it tries again.');
        await this.#wait();
      }
    }
  }

  /** Opens the book when all that was in the log is in it; until then nobody can tell what is spent. */
  async #catchUp(wanted: number): Promise<void> {
    const isCurrent = (): boolean => wanted === this.#wanted && !this.#isStopped;
    while (isCurrent() && !this.#isCaughtUp) {
      try {
        await Promise.all(this.#subscriptions.map((subscription) => subscription.caughtUp()));
        await this.afterCommit.settled();
        if (!isCurrent()) return;
        this.#isCaughtUp = true;
        this.#opened.resolve();
      } catch (thrown) {
        if (!isCurrent()) return;
        this.#from.logger.warn({ error: ServiceError.from(thrown) }, 'Billing cannot tell yet whether the log is taken in; it asks again.');
        await this.#wait();
      }
    }
  }

  async #unsubscribe(): Promise<void> {
    const subscriptions = this.#subscriptions;
    this.#subscriptions = [];
    await Promise.all(subscriptions.map((subscription) => subscription.stop()));
  }

  #wait(): Promise<void> {
    return new Promise((resolve) => void this.#from.clock.after(RETRY_MS, resolve));
  }
}

function unavailable(message: string): ServiceError {
  return new ServiceError('billing_unavailable', message, { retryAfterSeconds: 1 });
}
