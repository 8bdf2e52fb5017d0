import type { Ids } from '@sluice/clock';
import type { RootKey } from '@sluice/envelope';
import type { Sql } from '@sluice/sql';

const PEPPER_PURPOSE = 'key-hash-pepper';
const PEPPER_BYTES = 32;

/**
 * The pepper of key hashes: made by whoever starts first, the same for everyone after.
 * Errors: `internal` when the root key does not open it; then no key could ever be recognised.
 */
export async function loadPepper(sql: Sql, rootKey: RootKey, ids: Ids): Promise<Buffer> {
  await sql.query('insert into pepper (sealed) values ($1) on conflict do nothing', [
    rootKey.wrap(PEPPER_PURPOSE, ids.randomBytes(PEPPER_BYTES)),
  ]);
  const [row] = await sql.query<{ sealed: Buffer }>('select sealed from pepper');
  return rootKey.unwrap(PEPPER_PURPOSE, row!.sealed);
}
