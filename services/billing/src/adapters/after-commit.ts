import type { Clock } from '@sluice/clock';
import { ServiceError } from '@sluice/errors';
import { SqlError, type Sql, type SqlTransaction } from '@sluice/sql';
import type { Logger } from '@sluice/telemetry';

/** A commit takes a few milliseconds. */
const FIRST_LOOK_MS = 2;
const MAX_LOOK_MS = 1_000;

/** Told once, when it is known, whether what belongs to it is in the tables. */
export type Follow = (isDurable: boolean) => void;

interface Waiting {
  readonly xid: string;
  readonly follow: Follow;
  isCommitted: boolean;
}

/** `unknown`: the server has no memory of the transaction, as after it was restored from a copy. */
type Fate = 'committed' | 'aborted' | 'in progress' | 'unknown' | 'away';

/**
 * Lets memory follow a transaction once it is known to have committed, in the order in which they were given, and tells
 * it when one was rolled back. Asks the server for the fate (`pg_xact_status`) where the end was not seen, so that a
 * connection lost in the moment of the commit leaves no doubt: what is in the tables is in memory, and nothing else. Where
 * the server itself cannot tell any more, everything that waits is dropped and `onLost` told: memory is to be built anew.
 */
export class AfterCommit {
  readonly #sql: Sql;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #onLost: () => void;
  readonly #waiting: Waiting[] = [];
  #running: Promise<void> | undefined;
  #stopped = false;

  constructor(sql: Sql, clock: Clock, logger: Logger, onLost: () => void) {
    this.#sql = sql;
    this.#clock = clock;
    this.#logger = logger;
    this.#onLost = onLost;
  }

  /** To be called in the transaction, as its last step. Answers what to call when it was seen to commit, which saves the question. */
  async run(transaction: SqlTransaction, follow: Follow): Promise<() => void> {
    const [row] = await transaction.query<{ xid: string }>(XID);
    const waiting: Waiting = { xid: row!.xid, follow, isCommitted: false };
    this.#waiting.push(waiting);
    this.#running ??= this.#resolve();
    return () => { waiting.isCommitted = true; };
  }

  /** Resolves when nothing given so far waits any more; a consumer asks before its next batch. Fails with `cancelled` when it was stopped before. */
  async settled(): Promise<void> {
    await this.#running;
    if (this.#stopped && this.#waiting.length > 0) throw new ServiceError('cancelled', 'Billing stops before it is known what was committed.');
  }

  stop(): void {
    this.#stopped = true;
  }

  async #resolve(): Promise<void> {
    let delayMs = FIRST_LOOK_MS;
    for (let next = this.#waiting[0]; next && !this.#stopped; next = this.#waiting[0]) {
      if (!next.isCommitted) await new Promise<void>((resolve) => this.#clock.after(delayMs, resolve));
      const fate = next.isCommitted ? 'committed' : await this.#fate(next.xid);
      if (fate === 'committed' || fate === 'aborted') {
        this.#waiting.shift();
        this.#tell(next, fate === 'committed');
        delayMs = FIRST_LOOK_MS;
      } else if (fate === 'unknown') {
        this.#logger.error({}, 'The database does not know any more what it has committed. What is in memory is built anew from its tables.');
        for (const waiting of this.#waiting.splice(0)) this.#tell(waiting, false);
        this.#onLost();
      } else delayMs = Math.min(delayMs * 2, MAX_LOOK_MS);
    }
    this.#running = undefined;
  }

  #tell({ follow }: Waiting, isDurable: boolean): void {
    try {
      follow(isDurable);
    } catch (thrown) {
      this.#logger.error({ error: ServiceError.from(thrown) }, 'What is in memory did not follow the tables, and is built anew from them.');
      this.#onLost();
    }
  }

  async #fate(xid: string): Promise<Fate> {
    try {
      const [row] = await this.#sql.query<{ fate: 'committed' | 'aborted' | 'in progress' | null }>(FATE, [xid]);
      return row?.fate ?? 'unknown';
    } catch (thrown) {
      // The server answers, and will answer the same again: a number that it has not come to yet, for one.
      if (thrown instanceof SqlError && thrown.sqlState === INVALID_PARAMETER) return 'unknown';
      this.#logger.warn({ error: ServiceError.from(thrown) }, 'The database cannot be asked whether it has committed; it is asked again.');
      return 'away';
    }
  }
}

/** What the server calls a transaction of its future (PostgreSQL appendix A). */
const INVALID_PARAMETER = '22023';
const XID = { name: 'billing_xid', text: 'SELECT pg_current_xact_id()::text AS xid' };
const FATE = { name: 'billing_fate', text: 'SELECT pg_xact_status($1::text::xid8) AS fate' };
