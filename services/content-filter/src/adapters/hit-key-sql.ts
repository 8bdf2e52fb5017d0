import { createHmac, createSecretKey, type KeyObject } from 'node:crypto';
import type { Ids } from '@sluice/clock';
import type { RootKey } from '@sluice/envelope';
import { ServiceError } from '@sluice/errors';
import type { Sql } from '@sluice/sql';
import type { HitHash } from '../domain/call/policy.ts';

const PURPOSE = 'content-filter-hit-key';
const KEY_BYTES = 32;

/**
 * The key of hashed hits: made by whoever starts first, the same for everyone after.
 * Errors: `internal` when the root key is not the one that wrapped it.
 */
export async function loadHitKey(sql: Sql, rootKey: RootKey, ids: Ids): Promise<KeyObject> {
  await sql.query('insert into hit_key (sealed) values ($1) on conflict do nothing', [rootKey.wrap(PURPOSE, ids.randomBytes(KEY_BYTES))]);
  const [row] = await sql.query<{ sealed: Buffer }>('select sealed from hit_key');
  try {
    return createSecretKey(rootKey.unwrap(PURPOSE, row!.sealed));
  } catch (cause) {
    throw new ServiceError('internal', 'The root key is not the one that this database was made with; start with the right one.', { cause });
  }
}

/** Organisations whose key is kept; making one again costs two hashes. */
const KEPT_KEYS = 10_000;

/** HMAC-SHA-256 under a key of the organisation: the same text gives another hash in another organisation. */
export function hitHash(serviceKey: KeyObject): HitHash {
  const keys = new Map<string, KeyObject>();
  const keyOf = (organisationId: string): KeyObject => {
    const known = keys.get(organisationId);
    if (known) return known;
    if (keys.size >= KEPT_KEYS) keys.clear();
    const made = createSecretKey(createHmac('sha256', serviceKey).update(`sluice.content-filter.hit/v1|${organisationId}`).digest());
    keys.set(organisationId, made);
    return made;
  };
  return (organisationId, text) => createHmac('sha256', keyOf(organisationId)).update(text).digest();
}
