import type { Clock } from '@sluice/clock';
import { ServiceError } from '@sluice/errors';
import type { Witness } from '@sluice/events';
import type { Sql, SqlTransaction } from '@sluice/sql';
import type { Logger } from '@sluice/telemetry';
import { isGone, thisHolder } from './holder.ts';

/** How often the connection that holds the lock is asked whether it is still there, and the witness whether nobody took over. */
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

export interface LeaseDependencies {
  readonly sql: Sql;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Where the event log is not in the same database. */
  readonly witness: Witness | undefined;
}

/**
 * The right to keep the book: an advisory lock of PostgreSQL, held in a transaction that is open as long as the process
 * keeps it, so it goes with the connection, however that ends. Tried for again and again while another process has it.
 *
 * While the database is away nobody can take the lock. A holder that has a witness keeps the book as long as that says, again
 * and again, that nobody has: whoever takes the lock says so there before it waits, and opens nothing before the wait is over.
 */
export class BookLease {
  readonly #from: LeaseDependencies;
  readonly #events: LeaseEvents;
  readonly #tried = Promise.withResolvers<void>();
  readonly #waits = new Set<() => void>();
  #isStopped = false;
  /** By which this process keeps the book, or kept it last. */
  #term: bigint | undefined;
  #confirmedMs = -Infinity;
  #isElsewhere = false;
  #ended: Promise<unknown> | undefined;

  constructor(from: LeaseDependencies, events: LeaseEvents) {
    this.#from = from;
    this.#events = events;
  }

  get isHeld(): boolean {
    return this.#from.clock.monotonicMs() < this.#confirmedMs + HELD_MS;
  }

  /** Another process had it when this one asked last. */
  get isElsewhere(): boolean {
    return this.#isElsewhere;
  }

  /** Resolves when it is known whether the book can be had at once. */
  start(): Promise<void> {
    this.#ended = Promise.all([this.#run(), this.#attend()]);
    return this.#tried.promise;
  }

  /** Puts the book down; to be called when nothing is given out of it any more. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#confirmedMs = -Infinity;
    for (const wake of this.#waits) wake();
    await this.#ended;
    await this.#from.witness?.stop();
  }

  async #run(): Promise<void> {
    let isTold = false;
    while (!this.#isStopped) {
      try {
        await this.#from.sql.transaction(async (transaction) => {
          isTold = false;
          await this.#hold(transaction);
        });
      } catch (thrown) {
        // Once, and not four times a second while it is away.
        if (!isTold) this.#from.logger.warn({ error: ServiceError.from(thrown) }, 'Billing lost the connection by which it keeps the book; it takes another.');
        isTold = true;
      }
      this.#tried.resolve();
      await this.#wait(RETRY_MS);
    }
  }

  /** Returns when the lock is elsewhere or the process stops; throws when the connection is lost. The lock ends with the transaction. */
  async #hold(transaction: SqlTransaction): Promise<void> {
    const [row] = await transaction.query<{ taken: boolean }>("SELECT pg_try_advisory_xact_lock(hashtextextended('sluice billing book', 0)) AS taken");
    if (!row!.taken) return this.#lose('Another process keeps the book of budgets in this database. This one takes over when that ends.');
    const before = await this.#before();
    const isUnbroken = before.term === this.#term;
    const term = before.term + 1n;
    if (!isUnbroken && !before.isEnded && !(await isGone(before.holder))) {
      // Its process may be cut off from the database, or stand still and wake up again: until it must know better, it gives money out.
      if (!(await this.#from.witness?.holds(term) ?? true)) throw new ServiceError('billing_unavailable', 'Another process takes the book of budgets over.');
      await this.#wait(HELD_MS);
    }
    if (this.#isStopped) return;
    const askedMs = this.#from.clock.monotonicMs();
    await this.#take(before.term, term);
    await transaction.query('SELECT 1');
    if (this.#isStopped) return;
    this.#confirmedMs = askedMs;
    this.#isElsewhere = false;
    this.#term = term;
    this.#events.onTaken(isUnbroken);
    this.#tried.resolve();
    await this.#watch(transaction);
    await transaction.query('UPDATE book_term SET is_ended = true WHERE term = $1', [term]);
  }

  async #watch(transaction: SqlTransaction): Promise<void> {
    const term = this.#term;
    while (!this.#isStopped && this.#term === term) {
      await this.#wait(PROBE_MS);
      const askedMs = this.#from.clock.monotonicMs();
      await transaction.query('SELECT 1');
      this.#confirm(term, askedMs);
    }
  }

  /** Asks the witness beside the database, so that it has been heard when it is needed. */
  async #attend(): Promise<void> {
    const { witness, clock, logger } = this.#from;
    while (witness && !this.#isStopped) {
      await this.#wait(PROBE_MS);
      const term = this.#term;
      if (term === undefined || this.#isElsewhere) continue;
      const askedMs = clock.monotonicMs();
      try {
        if (await witness.holds(term)) this.#confirm(term, askedMs);
        else if (term === this.#term) this.#lose('Another process has taken the book of budgets over.');
      } catch (thrown) {
        // Without an event log no call begins either; what the database says counts.
        logger.debug({ error: ServiceError.from(thrown) }, 'the event log does not witness who keeps the book');
      }
    }
  }

  #confirm(term: bigint | undefined, askedMs: number): void {
    if (this.#isStopped || this.#isElsewhere || this.#term !== term) return;
    this.#confirmedMs = Math.max(this.#confirmedMs, askedMs);
  }

  #lose(why: string): void {
    if (!this.#isElsewhere) this.#from.logger.warn({}, why);
    this.#isElsewhere = true;
    this.#term = undefined;
    this.#confirmedMs = -Infinity;
    this.#events.onElsewhere();
  }

  async #before(): Promise<{ readonly term: bigint; readonly isEnded: boolean; readonly holder: string }> {
    const [row] = await this.#from.sql.query<{ term: bigint; is_ended: boolean; holder: string }>('SELECT term, is_ended, holder FROM book_term');
    return row ? { term: row.term, isEnded: row.is_ended, holder: row.holder } : { term: 0n, isEnded: true, holder: '' };
  }

  /** Only when the wait is over: who reads a name here knows that all those before it give out nothing. Nobody else may have taken it meanwhile. */
  async #take(before: bigint, term: bigint): Promise<void> {
    const taken = await this.#from.sql.query(
      `INSERT INTO book_term (term, is_ended, holder) VALUES ($2, false, $3)
       ON CONFLICT (only_row) DO UPDATE SET term = $2, is_ended = false, holder = $3 WHERE book_term.term = $1 RETURNING term`,
      [before, term, await thisHolder()],
    );
    if (taken.length === 0) throw new ServiceError('billing_unavailable', 'Another process has taken the book of budgets over.');
  }

  #wait(delayMs: number): Promise<void> {
    if (this.#isStopped) return Promise.resolve();
    return new Promise((resolve) => {
      const wake = (): void => {
        timer.cancel();
        this.#waits.delete(wake);
        resolve();
      };
      const timer = this.#from.clock.after(delayMs, wake);
      this.#waits.add(wake);
    });
  }
}
