import pg from 'pg';

const INT8_OID = 20;
const NUMERIC_OID = 1700;

/** Columns of type `bigint`, and whole numbers of type `numeric`, as bigint: numbers above 2^53 stay exact. Everything else as the driver has it. */
const types = {
  getTypeParser(oid: number, format?: 'text' | 'binary') {
    if (oid === INT8_OID && format !== 'binary') return (text: string) => BigInt(text);
    if (oid === NUMERIC_OID && format !== 'binary') return wholeOrText;
    return format === 'binary' ? pg.types.getTypeParser(oid, 'binary') : pg.types.getTypeParser(oid, 'text');
  },
} as pg.CustomTypesConfig;

/** What has decimals stays text, as the driver gives it. */
function wholeOrText(text: string): bigint | string {
  return /^-?[0-9]+$/.test(text) ? BigInt(text) : text;
}

/** How long to wait for a connection, or for one to come free in the pool. */
export const CONNECT_DEADLINE_MS = 5_000;
/** No statement of the platform needs longer; a runaway one must not hold its locks. */
export const STATEMENT_TIMEOUT_MS = 30_000;
/** A transaction whose process stands still must not hold its locks for longer. */
const IDLE_IN_TRANSACTION_TIMEOUT_MS = 15_000;
/** The driver gives up on an answer a little after the server should have: a server that is frozen answers nothing. */
export const ANSWER_GRACE_MS = 2_000;

/** Settings of every connection; `schema` becomes the search path. */
export function connectionSettings(url: string, schema?: string, statementTimeoutMs = STATEMENT_TIMEOUT_MS): pg.ClientConfig {
  return {
    connectionString: url,
    types,
    connectionTimeoutMillis: CONNECT_DEADLINE_MS,
    statement_timeout: statementTimeoutMs,
    idle_in_transaction_session_timeout: IDLE_IN_TRANSACTION_TIMEOUT_MS,
    query_timeout: statementTimeoutMs + ANSWER_GRACE_MS,
    keepAlive: true,
    application_name: schema === undefined ? 'sluice' : `sluice ${schema}`,
    ...(schema === undefined ? {} : { options: `-c search_path=${schemaName(schema)}` }),
  };
}

/** A schema's name goes into statements as it is, so only plain names are taken. */
export function schemaName(schema: string): string {
  if (!/^[a-z][a-z0-9_]{0,62}$/.test(schema)) throw new Error(`not a plain schema name: ${JSON.stringify(schema)}`);
  return schema;
}
