import type { Clock } from '@sluice/clock';
import { ServiceError } from '@sluice/errors';
import type { Sql, SqlTransaction } from '@sluice/sql';
import type { Logger } from '@sluice/telemetry';

/** A commit takes a few milliseconds. */
const FIRST_LOOK_MS = 2;
const MAX_LOOK_MS = 1_000;

interface Waiting {
  readonly xid: string;
  readonly effect: () => void;
}

/**
 * Runs effects in memory once the transaction that they belong to has committed, in the order in which they were given,
 * and drops those of a transaction that was rolled back. Asks the server for the fate (`pg_xact_status`), so that a
 * connection lost in the moment of the commit leaves no doubt: what is in the tables is in memory, and nothing else.
 */
export class AfterCommit {
  readonly #sql: Sql;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #waiting: Waiting[] = [];
  #running: Promise<void> | undefined;
  #stopped = false;

  constructor(sql: Sql, clock: Clock, logger: Logger) {
    this.#sql = sql;
    this.#clock = clock;
    this.#logger = logger;
  }

  /** To be called in the transaction, as its last step. */
  async run(transaction: SqlTransaction, effect: () => void): Promise<void> {
    const [row] = await transaction.query<{ xid: string }>(XID);
    this.#waiting.push({ xid: row!.xid, effect });
    this.#running ??= this.#resolve();
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
      await new Promise<void>((resolve) => this.#clock.after(delayMs, resolve));
      const fate = await this.#fate(next.xid);
      if (fate === 'committed') this.#follow(next.effect);
      if (fate === 'committed' || fate === 'aborted') {
        this.#waiting.shift();
        delayMs = FIRST_LOOK_MS;
      } else delayMs = Math.min(delayMs * 2, MAX_LOOK_MS);
    }
    this.#running = undefined;
  }

  #follow(effect: () => void): void {
    try {
      effect();
    } catch (thrown) {
      this.#logger.error({ error: ServiceError.from(thrown) }, 'What is in memory did not follow the tables; a restart builds it anew.');
    }
  }

  /** Undefined while the server cannot be asked. */
  async #fate(xid: string): Promise<string | undefined> {
    try {
      const [row] = await this.#sql.query<{ fate: string }>(FATE, [xid]);
      return row?.fate;
    } catch (thrown) {
      this.#logger.warn({ error: ServiceError.from(thrown) }, 'The database cannot be asked whether it has committed; it is asked again.');
      return undefined;
    }
  }
}

const XID = { name: 'billing_xid', text: 'SELECT pg_current_xact_id()::text AS xid' };
const FATE = { name: 'billing_fate', text: 'SELECT pg_xact_status($1::text::xid8) AS fate' };
