import { randomFillSync } from 'node:crypto';
import type { Clock } from './clock.ts';

/** Identifiers and randomness, as a parameter. */
export interface Ids {
  /** UUID version 7 (RFC 9562) as 32 hexadecimal digits: sorts by time of creation. */
  callId(): string;
  /** `<prefix>_` and 26 characters of Crockford base 32 that sort by time of creation. */
  next(prefix: string): string;
  /** Cryptographically strong random bytes; the caller owns the buffer. */
  randomBytes(length: number): Buffer;
}

const POOL_BYTES = 8192;
const CROCKFORD = '0123456789abcdefghjkmnpqrstvwxyz';

/** Ids from the given clock and the operating system's randomness, drawn in pools because a system call per id costs more than the id. */
export function systemIds(clock: Clock): Ids {
  let pool = Buffer.alloc(0);
  let used = 0;
  const randomBytes = (length: number): Buffer => {
    if (length > POOL_BYTES) return randomFillSync(Buffer.allocUnsafe(length));
    if (used + length > pool.length) {
      pool = randomFillSync(Buffer.allocUnsafe(POOL_BYTES));
      used = 0;
    }
    used += length;
    return pool.subarray(used - length, used);
  };
  const uuid7 = (): Buffer => {
    const bytes = Buffer.from(randomBytes(16));
    bytes.writeUIntBE(clock.wallMs(), 0, 6);
    bytes[6] = (bytes[6]! & 0x0f) | 0x70;
    bytes[8] = (bytes[8]! & 0x3f) | 0x80;
    return bytes;
  };
  return {
    callId: () => uuid7().toString('hex'),
    next: (prefix) => `${prefix}_${base32(uuid7())}`,
    randomBytes,
  };
}

function base32(bytes: Buffer): string {
  let value = 0n;
  for (const byte of bytes) value = (value << 8n) | BigInt(byte);
  let text = '';
  for (let digit = 25; digit >= 0; digit--) text += CROCKFORD[Number((value >> BigInt(digit * 5)) & 31n)];
  return text;
}
