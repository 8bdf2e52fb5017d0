/** A statement that is sent again and again: with a name the server parses and plans it once per connection. */
export interface NamedStatement {
  /** Unique per text within the process; at most 63 bytes. */
  readonly name: string;
  readonly text: string;
}

/**
 * PostgreSQL, as services see it. Values are numbered parameters (`$1`), never text in the statement.
 * `bigint` columns and whole numbers of `numeric` ones arrive as bigint, `bytea` as Buffer, `timestamptz` is not used: times are milliseconds in `bigint`.
 * Whatever fails, fails with an `SqlError`.
 */
export interface SqlQuery {
  query<Row extends object = Record<string, unknown>>(statement: string | NamedStatement, values?: readonly unknown[]): Promise<Row[]>;
}

/** A transaction in progress (READ COMMITTED); ends when the function it was given to returns or throws. */
export interface SqlTransaction extends SqlQuery {
  readonly inTransaction: true;
}

/** A pool of connections, its statements in the given schema only. */
export interface Sql extends SqlQuery {
  /**
   * Runs `work` in one transaction; commits when it resolves, rolls back when it throws. Retries nothing.
   * @param statementTimeoutMs the longest that a statement of it may run, where the pool's limit does not fit
   */
  transaction<T>(work: (transaction: SqlTransaction) => Promise<T>, statementTimeoutMs?: number): Promise<T>;
}

/** One migration file: `0001_name.sql`. */
export interface Migration {
  readonly name: string;
  readonly sql: string;
}
