import type { Ids } from '@sluice/clock';
import type { RootKey } from '@sluice/envelope';
import type { Sql } from '@sluice/sql';

const PURPOSE = 'content-filter-hit-key';
const KEY_BYTES = 32;

/**
 * The key of hashed hits: made by whoever starts first, the same for everyone after.
 * Errors: `internal` when the root key does not open it.
 */
export async function loadHitKey(sql: Sql, rootKey: RootKey, ids: Ids): Promise<Uint8Array> {
  await sql.query('insert into hit_key (sealed) values ($1) on conflict do nothing', [rootKey.wrap(PURPOSE, ids.randomBytes(KEY_BYTES))]);
  const [row] = await sql.query<{ sealed: Buffer }>('select sealed from hit_key');
  return Uint8Array.from(rootKey.unwrap(PURPOSE, row!.sealed));
}
