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
  /** What it left in the tables. */
  readonly id: string;
  readonly xid: string;
  /** When the server started that gave the number: the next one may give it again. */
  readonly server: string;
  /** Marks that it took away. */
  readonly cleared: readonly string[];
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
 *
 * A server that was killed gives the numbers of transactions whose log it had not written yet to others. So where it was
 * started anew in between, the mark that each leaves in the tables tells; and the mark of the last one that memory has followed,
 * whether these are still the tables that it followed.
 */
export class AfterCommit {
  readonly #sql: Sql;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #onLost: () => void;
  readonly #waiting: Waiting[] = [];
  #running: Promise<void> | undefined;
  #stopped = false;
  /** The mark of the last one that memory has followed, and those before it, which nobody needs any more. */
  #last: string | undefined;
  #over: string[] = [];

  constructor(sql: Sql, clock: Clock, logger: Logger, onLost: () => void) {
    this.#sql = sql;
    this.#clock = clock;
    this.#logger = logger;
    this.#onLost = onLost;
  }

  /** To be called in the transaction, as its last step. Answers what to call when it was seen to commit, which saves the question. */
  async run(transaction: SqlTransaction, follow: Follow): Promise<() => void> {
    const cleared = [...this.#over];
    const [row] = await transaction.query<Pick<Waiting, 'id' | 'xid' | 'server'>>(MARK, [cleared]);
    const waiting: Waiting = { ...row!, cleared, follow, isCommitted: false };
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
      const fate = next.isCommitted ? 'committed' : await this.#fate(next);
      if (fate === 'committed' || fate === 'aborted') {
        this.#waiting.shift();
        if (fate === 'committed') this.#followed(next);
        this.#tell(next, fate === 'committed');
        delayMs = FIRST_LOOK_MS;
      } else if (fate === 'unknown') {
        this.#logger.error({}, 'The database does not know any more what it has committed. What is in memory is built anew from its tables.');
        for (const waiting of this.#waiting.splice(0)) this.#tell(waiting, false);
        this.#last = undefined;
        this.#onLost();
      } else delayMs = Math.min(delayMs * 2, MAX_LOOK_MS);
    }
    this.#running = undefined;
  }

  #followed({ id, cleared }: Waiting): void {
    this.#over = this.#over.filter((mark) => !cleared.includes(mark));
    if (this.#last !== undefined) this.#over.push(this.#last);
    this.#last = id;
  }

  #tell({ follow }: Waiting, isDurable: boolean): void {
    try {
      follow(isDurable);
    } catch (thrown) {
      this.#logger.error({ error: ServiceError.from(thrown) }, 'What is in memory did not follow the tables, and is built anew from them.');
      this.#onLost();
    }
  }

  async #fate({ id, xid, server }: Waiting): Promise<Fate> {
    try {
      const [row] = await this.#sql.query<{ fate: 'committed' | 'aborted' | 'in progress' | null }>(FATE, [xid, server, id, this.#last]);
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
/** Marks of processes that are gone go after a day. */
const MARK = {
  name: 'billing_mark',
  text: `WITH gone AS (DELETE FROM commit_mark WHERE id = ANY ($1::uuid[]) OR made_at < now() - interval '1 day')
    INSERT INTO commit_mark DEFAULT VALUES RETURNING id, pg_current_xact_id()::text AS xid, pg_postmaster_start_time()::text AS server`,
};
/** Null when nobody can tell. Of a server that was started anew no transaction of before is in progress. */
const FATE = {
  name: 'billing_fate',
  text: `SELECT CASE
      WHEN pg_postmaster_start_time()::text = $2 THEN pg_xact_status($1::text::xid8)
      WHEN NOT EXISTS (SELECT FROM commit_mark WHERE id = $4::uuid) THEN NULL
      WHEN EXISTS (SELECT FROM commit_mark WHERE id = $3::uuid) THEN 'committed' ELSE 'aborted' END AS fate`,
};
