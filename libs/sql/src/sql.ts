/**
 * PostgreSQL, as services see it. Values are numbered parameters (`$1`), never text in the statement.
 * `bigint` columns arrive as bigint, `bytea` as Buffer, `timestamptz` is not used: times are milliseconds in `bigint`.
 */
export interface SqlQuery {
  query<Row extends object = Record<string, unknown>>(text: string, values?: readonly unknown[]): Promise<Row[]>;
}

/** A transaction in progress; ends when the function it was given to returns or throws. */
export interface SqlTransaction extends SqlQuery {
  readonly inTransaction: true;
}

/** A pool of connections, its statements in the given schema only. */
export interface Sql extends SqlQuery {
  /** Runs `work` in one transaction; commits when it resolves, rolls back when it throws. Retries nothing. */
  transaction<T>(work: (transaction: SqlTransaction) => Promise<T>): Promise<T>;
}

/** One migration file: `0001_name.sql`. */
export interface Migration {
  readonly name: string;
  readonly sql: string;
}
