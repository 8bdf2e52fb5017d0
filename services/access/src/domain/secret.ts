import { createHmac, type KeyObject } from 'node:crypto';
import type { Ids } from '@sluice/clock';
import type { KeyKind } from './api-key.ts';

/** 256 bits: guessing is hopeless, so a fast keyed hash is enough and no slow password hash is needed. */
const SECRET_BYTES = 32;

/** Shown of a secret in lists: enough to recognise it, 36 of its 256 bits. */
const SHOWN_CHARACTERS = 6;

const BRANDS: Readonly<Record<KeyKind, string>> = { inference: 'sk-sluice-', admin: 'sk-sluice-admin-' };

/** What a secret looks like: its brand, by which leak scanners find it, and 43 characters of base64url. */
export const SECRET_PATTERNS: Readonly<Record<KeyKind, RegExp>> = {
  inference: /^sk-sluice-[A-Za-z0-9_-]{43}$/,
  admin: /^sk-sluice-admin-[A-Za-z0-9_-]{43}$/,
};

export function newSecret(kind: KeyKind, ids: Ids): string {
  return BRANDS[kind] + ids.randomBytes(SECRET_BYTES).toString('base64url');
}

/** The first characters of a secret, for recognition. */
export function prefixOf(kind: KeyKind, secret: string): string {
  return secret.slice(0, BRANDS[kind].length + SHOWN_CHARACTERS);
}

/** What is stored instead of a secret: useless without the pepper, which is wrapped under the root key. */
export function keyedHash(pepper: KeyObject, secret: string): Buffer {
  return createHmac('sha256', pepper).update(secret, 'utf8').digest();
}
