import { createHash, hash } from 'node:crypto';

export const HASH_BYTES = 32;
/** Above this, joining first costs more than a hash object. */
const SCRATCH_BYTES = 16 * 1024;

/** Input of a hash; used again for each, because hashing is synchronous. */
const scratch = Buffer.allocUnsafeSlow(SCRATCH_BYTES);

/** SHA-256(left || right) (FIPS 180-4), 32 bytes. */
export function hashJoined(left: Uint8Array, right: Uint8Array): Buffer {
  const length = left.length + right.length;
  if (length > SCRATCH_BYTES) return createHash('sha256').update(left).update(right).digest();
  scratch.set(left, 0);
  scratch.set(right, left.length);
  const digest = Buffer.allocUnsafe(HASH_BYTES);
  // As text, because the runtime allocates an array buffer of its own for each digest that it gives as bytes, which costs more than the hash.
  digest.write(hash('sha256', scratch.subarray(0, length), 'binary'), 'binary');
  return digest;
}
