import { ServiceError } from '@sluice/errors';
import { IV_BYTES, dataKey, open, seal } from './aes-gcm.ts';

/**
 * The one key from which everything at rest is protected: it wraps data keys, upstream credentials, the pepper of
 * key hashes and the log's signing key.
 */
export interface RootKey {
  /** Seals a secret for one purpose. The same purpose must be given to open it: it is the associated data. */
  wrap(purpose: string, secret: Uint8Array): Buffer;
  /** Throws `internal` when the purpose or the key is another, or the bytes were changed, and says what an operator can do. */
  unwrap(purpose: string, sealed: Uint8Array): Buffer;
}

/** In front of everything wrapped, so that another suite can follow without guessing. */
const VERSION = 1;
const HEADER_BYTES = 1 + IV_BYTES;

const OTHER_KEY = 'A secret in the database was wrapped by another root key than this one, or was changed. Start with the root key that the database was begun with (SLUICE_ROOT_KEY_FILE, or the copy of root.key in a backup).';

/** A root key from its 32 bytes. A wrapped secret is: version byte, IV, ciphertext, tag. */
export function rootKeyFrom(bytes: Uint8Array): RootKey {
  const key = dataKey(bytes);
  return {
    wrap(purpose, secret) {
      const { iv, sealed } = seal(key, secret, associatedData(purpose));
      return Buffer.concat([Buffer.of(VERSION), iv, sealed]);
    },
    unwrap(purpose, wrapped) {
      if (wrapped[0] !== VERSION) throw new ServiceError('internal', 'A wrapped secret has an unknown version.');
      const parts = { iv: wrapped.subarray(1, HEADER_BYTES), sealed: wrapped.subarray(HEADER_BYTES) };
      try {
        return open(key, parts, associatedData(purpose));
      } catch (cause) {
        throw new ServiceError('internal', OTHER_KEY, { cause });
      }
    },
  };
}

function associatedData(purpose: string): string {
  return `sluice.root-key/v${VERSION}|${purpose}`;
}
