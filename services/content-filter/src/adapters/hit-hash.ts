import { createHmac, createSecretKey, type KeyObject } from 'node:crypto';
import type { HitHash } from '../domain/call/policy.ts';

/** Organisations whose key is kept; making one again costs two hashes. */
const KEPT_KEYS = 10_000;

/** HMAC-SHA-256 under a key of the organisation: the same text gives another hash in another organisation. */
export function hitHash(hitKey: Uint8Array): HitHash {
  const serviceKey = createSecretKey(hitKey);
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
