import type { Clock } from '@sluice/clock';
import { ServiceError } from '@sluice/errors';
import type { Sql, SqlTransaction } from '@sluice/sql';
import type { Logger } from '@sluice/telemetry';

/** How often the connection that holds the lock is asked whether it is still there. */
const PROBE_MS = 500;
/**
 * So long after the last answer the book is still taken as ours, and so long another process waits before it opens its own
 * when it does not know that the one before put it down. Far below the 15 s after which the server ends an idle transaction.
 */
export const HELD_MS = 5_000;
const RETRY_MS = 250;

export interface LeaseEvents {
  /** The book is ours. `isUnbroken`: nobody else had it since this process did, so what is in memory still follows the tables. */
  readonly onTaken: (isUnbroken: boolean) => void;
  /** Another process has it. */
  readonly onElsewhere: () => void;
}

/**
 * The right to keep the book: an advisory lock of PostgreSQL, held in a transaction that is open as long as the process
 * keeps it, so it goes with the connection, however that ends. Tried for again and again while another process has it.
 */
export class BookLease {
  readonly #sql: Sql;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #events: LeaseEvents;
  readonly #tried = Promise.withResolvers<void>();
  #isStopped = false;
  /** Ends the wait that is going on. */
  #wake: () => void = () => undefined;
  #term = -1n;
  #confirmedMs = -Infinity;
  #isElsewhere = false;
  #ended: Promise<void> | undefined;

  constructor(sql: Sql, clock: Clock, logger: Logger, events: LeaseEvents) {
    this.#sql = sql;
    this.#clock = clock;
    this.#logger = logger;
    this.#events = events;
  }

  get isHeld(): boolean {
    return this.#clock.monotonicMs() < this.#confirmedMs + HELD_MS;
  }

  /** Another process had it when this one asked last. */
  get isElsewhere(): boolean {
    return this.#isElsewhere;
  }

  /** Resolves when it is known whether the book can be had at once. */
  start(): Promise<void> {
    this.#ended = this.#run();
    return this.#tried.promise;
  }

  /** Puts the book down; to be called when nothing is given out of it any more. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#confirmedMs = -Infinity;
    this.#wake();
    await this.#ended;
  }

  async #run(): Promise<void> {
    while (!this.#isStopped) {
      try {
        await this.#sql.transaction((transaction) => this.#hold(transaction));
      } catch (thrown) {
        this.#logger.warn({ error: ServiceError.from(thrown) }, 'Billing lost the connection by which it keeps the book; it takes another.');
      }
      this.#tried.resolve();
      await this.#wait(RETRY_MS);
    }
  }

  /** Returns when the lock is elsewhere or the process stops; throws when the connection is lost. The lock ends with the transaction. */
  async #hold(transaction: SqlTransaction): Promise<void> {
    const [row] = await transaction.query<{ taken: boolean }>("SELECT pg_try_advisory_xact_lock(hashtextextended('sluice billing book', 0)) AS taken");
    if (!row!.taken) {
      if (!this.#isElsewhere) this.#logger.warn({}, 'Another process keeps the book of budgets in this database. This one takes over when that ends.');
      this.#isElsewhere = true;
      this.#confirmedMs = -Infinity;
      this.#events.onElsewhere();
      return;
    }
    // Its process may stand still and wake up again: until it must know better, it gives money out.
    if (this.#isElsewhere && !(await this.#wasPutDown())) await this.#wait(HELD_MS);
    if (this.#isStopped) return;
    const askedMs = this.#clock.monotonicMs();
    const term = await this.#nextTerm();
    await transaction.query('SELECT 1');
    if (this.#isStopped) return;
    this.#confirmedMs = askedMs;
    this.#isElsewhere = false;
    const isUnbroken = term === this.#term + 1n;
    this.#term = term;
    this.#events.onTaken(isUnbroken);
    this.#tried.resolve();
    await this.#watch(transaction);
    await transaction.query('UPDATE book_term SET is_ended = true');
  }

  async #watch(transaction: SqlTransaction): Promise<void> {
    while (!this.#isStopped) {
      await this.#wait(PROBE_MS);
      const askedMs = this.#clock.monotonicMs();
      await transaction.query('SELECT 1');
      if (!this.#isStopped) this.#confirmedMs = askedMs;
    }
  }

  async #wasPutDown(): Promise<boolean> {
    const [row] = await this.#sql.query<{ is_ended: boolean }>('SELECT is_ended FROM book_term');
    return row?.is_ended ?? true;
  }

  async #nextTerm(): Promise<bigint> {
    const [row] = await this.#sql.query<{ term: bigint }>('INSERT INTO book_term (term, is_ended) VALUES (1, false) ON CONFLICT (only_row) DO UPDATE SET term = book_term.term + 1, is_ended = false RETURNING term');
    return row!.term;
  }

  #wait(delayMs: number): Promise<void> {
    if (this.#isStopped) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = this.#clock.after(delayMs, resolve);
      this.#wake = () => {
        timer.cancel();
        resolve();
      };
    });
  }
}
