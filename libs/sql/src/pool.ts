import { systemClock, type Clock } from '@sluice/clock';
import pg from 'pg';
import { ANSWER_GRACE_MS, connectionSettings, STATEMENT_TIMEOUT_MS } from './connection.ts';
import { SilenceWatch } from './silence-watch.ts';
import { SqlError, toSqlError } from './sql-error.ts';
import type { NamedStatement, Sql, SqlTransaction } from './sql.ts';

export interface SqlOptions {
  /** `postgresql://user:password@host:port/database`, or with `?host=/folder&port=5432` a Unix socket. */
  readonly url: string;
  /** The search path of every statement. */
  readonly schema: string;
  /** Connections at most; 8 when not given. */
  readonly connections?: number;
  /** The longest that a statement may run; 30 s when not given. */
  readonly statementTimeoutMs?: number;
  /** Once it is aborted, what is under way fails with `unavailable`, and so does what comes after. */
  readonly signal?: AbortSignal;
  readonly clock?: Clock;
}

/** `Sql` with an end. */
export interface SqlPool extends Sql {
  readonly schema: string;
  /** Waits for statements under way, then closes every connection. */
  end(): Promise<void>;
}

const DEFAULT_CONNECTIONS = 8;
/** Callers that may wait for a connection; with more the database is the bottleneck and waiting would only hide it. */
const MAX_WAITING = 1_000;
const IDLE_CONNECTION_MS = 30_000;
/** Whoever takes a connection that was idle for longer asks first whether somebody is at its other end, and does not wait longer for that. */
const TRUSTED_FOR_MS = 2_000;
const CHECK_DEADLINE_MS = 2_000;

/**
 * A pool that connects when it is asked and survives the loss of any connection and of the server: what was under way
 * fails with `unavailable`, the next statement gets a new connection.
 */
export function createSql({ url, schema, connections = DEFAULT_CONNECTIONS, statementTimeoutMs = STATEMENT_TIMEOUT_MS, signal, clock = systemClock }: SqlOptions): SqlPool {
  const silence = new SilenceWatch(url, clock);
  signal?.addEventListener('abort', () => silence.endAll(), { once: true });
  const pool = new pg.Pool({ ...connectionSettings(url, schema, statementTimeoutMs), stream: silence.makeSocket, max: connections, idleTimeoutMillis: IDLE_CONNECTION_MS });
  // An idle connection that breaks has already left the pool; without a listener the event would end the process.
  pool.on('error', () => undefined);
  // The pool hands a connection over with no listener on it until the next microtask, and the server's farewell may
  // come in the same read as its greeting. The driver refuses further statements on such a connection by itself.
  pool.on('connect', (client) => client.on('error', () => undefined));

  const lastUsedMs = new WeakMap<pg.PoolClient, number>();
  pool.on('release', (_, client) => lastUsedMs.set(client, clock.monotonicMs()));
  let distrustedUntilMs = -Infinity;
  const isSound = async (client: pg.PoolClient): Promise<boolean> => {
    const usedMs = lastUsedMs.get(client);
    if (usedMs === undefined) return true;
    if (usedMs < distrustedUntilMs) return false;
    if (clock.monotonicMs() - usedMs < TRUSTED_FOR_MS || (await isAnswered(client))) return true;
    // The others that were idle meanwhile are not asked one by one; those at work are, by the watch, when they fall silent.
    distrustedUntilMs = clock.monotonicMs();
    return false;
  };
  const sound = async (): Promise<pg.PoolClient> => {
    for (;;) {
      const client = await pool.connect().catch((thrown: unknown) => Promise.reject(toSqlError(thrown)));
      if (await isSound(client)) return client;
      client.release(true);
    }
  };
  const withConnection = async <T>(work: (connection: Connection) => Promise<T>): Promise<T> => {
    if (signal?.aborted) throw new SqlError('unavailable', 'This process does not wait for the database any longer.');
    if (pool.waitingCount >= MAX_WAITING) throw new SqlError('unavailable', 'Too many callers wait for a database connection.');
    const connection = new Connection(await sound(), silence);
    try {
      return await work(connection);
    } finally {
      connection.release();
    }
  };
  return {
    schema,
    query: (statement, values) => withConnection((connection) => connection.query(statement, values)),
    transaction: (work, timeoutMs) => withConnection((connection) => connection.transaction(work, timeoutMs)),
    end: () => pool.end(),
  };
}

function isAnswered(client: pg.PoolClient): Promise<boolean> {
  // The driver's types do not know the limit of one statement.
  const question: pg.QueryConfig & { readonly query_timeout: number } = { text: 'SELECT 1', query_timeout: CHECK_DEADLINE_MS };
  return client.query(question).then(() => true, () => false);
}

/** One checked-out connection; goes back to the pool only when it is known to be sound. */
class Connection {
  readonly #client: pg.PoolClient;
  readonly #silence: SilenceWatch;
  #broken = false;
  /** Instead of the driver's own limit. */
  #answerTimeoutMs: number | undefined;
  readonly #onError = (): void => { this.#broken = true; };

  constructor(client: pg.PoolClient, silence: SilenceWatch) {
    this.#client = client;
    this.#silence = silence;
    client.on('error', this.#onError);
  }

  async query<Row extends object>(statement: string | NamedStatement, values?: readonly unknown[]): Promise<Row[]> {
    return (await this.#send<Row>(statement, values)).rows;
  }

  async transaction<T>(work: (transaction: SqlTransaction) => Promise<T>, statementTimeoutMs?: number): Promise<T> {
    await this.#send('BEGIN');
    if (statementTimeoutMs !== undefined) {
      await this.#send(`SET LOCAL statement_timeout = ${statementTimeoutMs}`);
      this.#answerTimeoutMs = statementTimeoutMs + ANSWER_GRACE_MS;
    }
    let result: T;
    try {
      result = await work({ inTransaction: true, query: (statement, values) => this.query(statement, values) });
    } catch (thrown) {
      // A rollback that fails marks the connection as broken, and the server rolls back by itself.
      if (!this.#broken) await this.#send('ROLLBACK').catch(() => { this.#broken = true; });
      throw thrown;
    }
    // When a statement failed and `work` went on regardless, COMMIT rolls back and says so only in its tag.
    const { command } = await this.#send('COMMIT');
    if (command !== 'COMMIT') throw new SqlError('refused', 'The transaction was rolled back because a statement in it had failed.');
    return result;
  }

  release(): void {
    this.#client.off('error', this.#onError);
    this.#client.release(this.#broken);
  }

  async #send<Row extends object>(statement: string | NamedStatement, values?: readonly unknown[]): Promise<pg.QueryResult<Row>> {
    const answered = this.#silence.watch(this.#client);
    try {
      const result = await submit<Row>(this.#client, statement, values, this.#answerTimeoutMs);
      // A text of several statements gives several results; the last one counts.
      return Array.isArray(result) ? result.at(-1)! : result;
    } catch (thrown) {
      const error = toSqlError(thrown);
      if (error.kind === 'unavailable') this.#broken = true;
      throw error;
    } finally {
      answered();
    }
  }
}

/**
 * As `client.query` does it for a text and a callback; a named statement given as an object would be copied property
 * descriptor by property descriptor, at 2 microseconds each time.
 */
function submit<Row extends object>(client: pg.PoolClient, statement: string | NamedStatement, values: readonly unknown[] | undefined, answerTimeoutMs: number | undefined): Promise<pg.QueryResult<Row> | pg.QueryResult<Row>[]> {
  return new Promise((resolve, reject) => {
    const answer = (error: Error | null | undefined, result: unknown): void => (error ? reject(error) : resolve(result as pg.QueryResult<Row>));
    const text = typeof statement === 'string' ? statement : statement.text;
    const query = new pg.Query(text, values && [...values], answer);
    if (answerTimeoutMs !== undefined) Object.assign(query, { query_timeout: answerTimeoutMs });
    client.query(typeof statement === 'string' ? query : Object.assign(query, { name: statement.name }));
  });
}
