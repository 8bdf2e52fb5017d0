import pg from 'pg';

/**
 * Why the database did not do what it was asked:
 * - `unavailable`: no connection, the connection was lost, or no connection came free in time. What was under way may
 *   or may not have happened: its fate is unknown.
 * - `disk_full`: the server has no room (SQLSTATE 53100); nothing happened.
 * - `unique_violation`: a row with this key exists (23505); `constraint` names the index.
 * - `conflict`: serialisation failure or deadlock (40001, 40P01); the same transaction may succeed when repeated.
 * - `timeout`: the statement ran past its limit (57014); nothing happened.
 * - `refused`: anything else, a fault of the statement or of its values.
 */
export type SqlErrorKind = 'unavailable' | 'disk_full' | 'unique_violation' | 'conflict' | 'timeout' | 'refused';

/** The one error of this library's queries. Its text never holds a value: those may be prompts or keys. */
export class SqlError extends Error {
  override readonly name = 'SqlError';
  readonly kind: SqlErrorKind;
  /** Five characters (PostgreSQL appendix A), or a Node error code such as ECONNREFUSED, or undefined. */
  readonly sqlState: string | undefined;
  readonly constraint: string | undefined;

  constructor(kind: SqlErrorKind, message: string, detail: { readonly sqlState?: string | undefined; readonly constraint?: string | undefined } = {}) {
    super(message);
    this.kind = kind;
    this.sqlState = detail.sqlState;
    this.constraint = detail.constraint;
  }
}

const KINDS: Readonly<Record<string, SqlErrorKind>> = {
  '53100': 'disk_full',
  '23505': 'unique_violation',
  '40001': 'conflict', '40P01': 'conflict',
  '57014': 'timeout',
  // Shut down, crashed, starting, database dropped, too many connections, idle in a transaction for too long.
  '57P01': 'unavailable', '57P02': 'unavailable', '57P03': 'unavailable', '57P04': 'unavailable', '53300': 'unavailable', '25P03': 'unavailable',
};

/** Classes whose messages quote the value at fault: invalid data (22) and violated constraints (23). */
const QUOTES_VALUES = /^2[23]/;

/** Turns whatever the driver threw into an SqlError. */
export function toSqlError(thrown: unknown): SqlError {
  if (thrown instanceof SqlError) return thrown;
  if (thrown instanceof pg.DatabaseError) return ofServer(thrown);
  const { code, message } = thrown as { code?: unknown; message?: unknown };
  const sqlState = typeof code === 'string' ? code : undefined;
  // A value that cannot be sent fails before anything was; whatever else the driver reports is its connection:
  // refused, reset, ended, or too late. Codes of Node (EPIPE) may look like a SQLSTATE, so the class decides.
  if (thrown instanceof TypeError && sqlState === undefined) return new SqlError('refused', 'A value cannot be sent to the database.');
  return new SqlError(sqlState === 'ENOSPC' ? 'disk_full' : 'unavailable', `${sqlState ?? 'connection'}: ${typeof message === 'string' ? message : 'unknown error'}`, { sqlState });
}

function ofServer({ code: sqlState = 'XX000', message, constraint }: pg.DatabaseError): SqlError {
  // The server reports a full disk as a plain I/O error (58030) from some of its calls; only the text tells.
  if (sqlState === '58030' && message.includes('No space left')) return new SqlError('disk_full', 'The database has no room left.', { sqlState });
  const kind = KINDS[sqlState] ?? (sqlState.startsWith('08') ? 'unavailable' : 'refused');
  const shown = QUOTES_VALUES.test(sqlState) ? `constraint or value refused${constraint ? `: ${constraint}` : ''}` : message;
  return new SqlError(kind, `${sqlState}: ${shown}`, { sqlState, constraint });
}
