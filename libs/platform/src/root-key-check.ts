import type { Ids } from '@sluice/clock';
import type { RootKey } from '@sluice/envelope';
import { createSql, migrate, readMigrations, type Sql } from '@sluice/sql';

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

/** Whether a platform was begun in this database, and with it a root key. Throws an SqlError where the database cannot be asked. */
export async function isBegun(url: string): Promise<boolean> {
  return withTable(url, async (sql) => (await readCheckValue(sql)) !== undefined);
}

/**
 * Compares the root key with the database; whoever comes first makes it the key of this database for ever. For every
 * process that is given both, before anything else of the database is touched. Throws an OtherRootKeyError, or an
 * SqlError where the database cannot be asked.
 */
export async function checkRootKey(url: string, rootKey: RootKey, ids: Ids): Promise<void> {
  await withTable(url, async (sql) => {
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

async function withTable<T>(url: string, work: (sql: Sql) => Promise<T>): Promise<T> {
  const pool = createSql({ url, schema: SCHEMA, connections: 1 });
  try {
    await migrate(pool, await readMigrations(new URL('../migrations/', import.meta.url)));
    return await work(pool);
  } finally {
    await pool.end();
  }
}
