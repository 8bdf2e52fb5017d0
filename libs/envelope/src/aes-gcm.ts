import { createCipheriv, createDecipheriv, createSecretKey, randomFillSync, type KeyObject } from 'node:crypto';
import { ServiceError } from '@sluice/errors';

/** AES-256 (FIPS 197) in GCM (NIST SP 800-38D). Keys are KeyObjects made once: a key given as bytes costs ten times more per call. */
export const KEY_BYTES = 32;
/** 96 bits, the length for which GCM needs no extra hashing (SP 800-38D section 8.2.2). */
export const IV_BYTES = 12;
export const TAG_BYTES = 16;

/** IVs are drawn from the system's randomness in pools, because a system call per IV costs more than the encryption. */
const IV_POOL_BYTES = IV_BYTES * 512;
let ivPool = Buffer.alloc(0);
let ivUsed = 0;

export interface Sealed {
  readonly iv: Uint8Array;
  /** Ciphertext followed by the 16-byte tag. */
  readonly sealed: Uint8Array;
}

/** Seals bytes and binds them to `associated`. The IV is drawn here and is no parameter: one used twice would give the key away. */
export function seal(key: KeyObject, plain: Uint8Array, associated: string | Uint8Array): Sealed {
  const iv = nextIv();
  const cipher = createCipheriv('aes-256-gcm', key, iv);
  cipher.setAAD(bytesOf(associated));
  const body = cipher.update(plain);
  cipher.final();
  return { iv, sealed: Buffer.concat([body, cipher.getAuthTag()], body.length + TAG_BYTES) };
}

/** Opens what `seal` made. Throws `internal` when the key, the associated data or a single bit is another. */
export function open(key: KeyObject, { iv, sealed }: Sealed, associated: string | Uint8Array): Buffer {
  if (iv.length !== IV_BYTES || sealed.length < TAG_BYTES) throw new ServiceError('internal', 'Sealed data is too short.');
  try {
    const decipher = createDecipheriv('aes-256-gcm', key, iv, { authTagLength: TAG_BYTES });
    decipher.setAAD(bytesOf(associated));
    decipher.setAuthTag(sealed.subarray(sealed.length - TAG_BYTES));
    const plain = decipher.update(sealed.subarray(0, sealed.length - TAG_BYTES));
    decipher.final();
    return plain;
  } catch (cause) {
    throw new ServiceError('internal', 'Sealed data could not be opened: another key, another purpose, or changed bytes.', { cause });
  }
}

/** The bytes of a new data key. Keep them wrapped by the root key; make them usable by `dataKey`. */
export function createDataKey(randomBytes: (length: number) => Uint8Array): Buffer {
  return Buffer.from(randomBytes(KEY_BYTES));
}

/** The key as OpenSSL wants it, to be made once and kept. */
export function dataKey(bytes: Uint8Array): KeyObject {
  if (bytes.length !== KEY_BYTES) throw new ServiceError('internal', `A data key has ${KEY_BYTES} bytes.`);
  return createSecretKey(bytes);
}

function nextIv(): Buffer {
  if (ivUsed === ivPool.length) {
    ivPool = randomFillSync(Buffer.allocUnsafe(IV_POOL_BYTES));
    ivUsed = 0;
  }
  ivUsed += IV_BYTES;
  return ivPool.subarray(ivUsed - IV_BYTES, ivUsed);
}

function bytesOf(value: string | Uint8Array): Uint8Array {
  return typeof value === 'string' ? Buffer.from(value, 'utf8') : value;
}
