/**
 * The one key from which everything at rest is protected: it wraps data keys, upstream credentials, the pepper of
 * key hashes and the log's signing key.
 */
export interface RootKey {
  /** Seals a secret for one purpose. The same purpose must be given to open it: it is the associated data. */
  wrap(purpose: string, secret: Uint8Array): Buffer;
  /** Throws `internal` when the purpose or the key is another, or the bytes were changed. */
  unwrap(purpose: string, sealed: Uint8Array): Buffer;
}
