import { timingSafeEqual } from 'node:crypto';
import { hashJoined } from './joined-hash.ts';

/** As long as the hash, so that the salt cannot be guessed more easily than the hash can be reversed. */
const SALT_BYTES = 32;

/** Shape of events.v1.Commitment: may be public for ever. */
export interface NamedCommitment {
  readonly name: string;
  readonly hash: Uint8Array;
}

/** Shape of events.v1.Opening: sealed, and shredded with the record. */
export interface NamedOpening {
  readonly name: string;
  readonly salt: Uint8Array;
  readonly value: Uint8Array;
}

/** Commits to a value under a fresh salt. Text counts as its UTF-8 bytes. */
export function commit(
  name: string,
  value: string | Uint8Array,
  randomBytes: (length: number) => Uint8Array,
): { readonly commitment: NamedCommitment; readonly opening: NamedOpening } {
  const bytes = typeof value === 'string' ? Buffer.from(value, 'utf8') : value;
  const salt = randomBytes(SALT_BYTES);
  return { commitment: { name, hash: commitmentHash(salt, bytes) }, opening: { name, salt, value: bytes } };
}

/** SHA-256(salt || value). */
export function commitmentHash(salt: Uint8Array, value: Uint8Array): Buffer {
  return hashJoined(salt, value);
}

/** True when the opening shows the value that was committed to under this name. */
export function verifyOpening(commitment: NamedCommitment, opening: NamedOpening): boolean {
  const expected = commitmentHash(opening.salt, opening.value);
  return commitment.name === opening.name && commitment.hash.length === expected.length && timingSafeEqual(commitment.hash, expected);
}
