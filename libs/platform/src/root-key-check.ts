import type { Ids } from '@sluice/clock';
import type { RootKey } from '@sluice/envelope';
import { createSql, migrate, readMigrations, type Sql, type SqlPool } from '@sluice/sql';

const SCHEMA = 'root_key';
const PURPOSE = 'root-key-check';
const SECRET_BYTES = 32;

/** The root key is another one than that with which the database was begun: nothing that is wrapped there would open, and what it wrapped nobody else could. */
export class OtherRootKeyError extends Error {
  override readonly name = 'OtherRootKeyError';
}

interface CheckValue {
  readonly purpose: string;
  readonly sealed: Buffer;
}

/** Where a database has something wrapped: the check value, or, from before there was one, what its first migration takes instead. */
const WRAPPED = [['root_key.check_value', 'sealed'], ['access.pepper', 'sealed'], ['audit.log', 'sealed_seed'], ['content_filter.hit_key', 'sealed'], ['model_registry.deployment', 'sealed_credential']] as const;

/**
 * Whether a platform was begun in this database, and with it a root key. Only reads: it may be the database of somebody else.
 * Throws an SqlError where the database cannot be asked.
 */
export async function isBegun(url: string): Promise<boolean> {
  return withPool(url, async (sql) => {
    for (const [table, column] of WRAPPED) {
      const known = await sql.query('SELECT 1 FROM pg_attribute WHERE attrelid = to_regclass($1) AND attname = $2', [table, column]);
      if (known.length > 0 && (await sql.query(`SELECT 1 FROM ${table} WHERE ${column} IS NOT NULL LIMIT 1`)).length > 0) return true;
    }
    return false;
  });
}

/**
 * Compares the root key with the database; whoever comes first makes it the key of this database for ever. For every
 * process that is given both, before anything else of the database is touched. Throws an OtherRootKeyError, or an
 * SqlError where the database cannot be asked.
 */
export async function checkRootKey(url: string, rootKey: RootKey, ids: Ids): Promise<void> {
  await withPool(url, async (sql) => {
    await migrate(sql, await readMigrations(new URL('../migrations/', import.meta.url)));
    await sql.query('INSERT INTO check_value (purpose, sealed) VALUES ($1, $2) ON CONFLICT DO NOTHING', [PURPOSE, rootKey.wrap(PURPOSE, ids.randomBytes(SECRET_BYTES))]);
    const { purpose, sealed } = (await readCheckValue(sql))!;
    try {
      rootKey.unwrap(purpose, sealed);
    } catch (cause) {
      throw new OtherRootKeyError('The root key is not the one with which this database was begun.', { cause });
    }
  });
}

async function readCheckValue(sql: Sql): Promise<CheckValue | undefined> {
  const [row] = await sql.query<CheckValue>('SELECT purpose, sealed FROM check_value');
  return row;
}

async function withPool<T>(url: string, work: (sql: SqlPool) => Promise<T>): Promise<T> {
  const pool = createSql({ url, schema: SCHEMA, connections: 1 });
  try {
    return await work(pool);
  } finally {
    await pool.end();
  }
}
