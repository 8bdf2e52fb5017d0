import { toEnvelope, type ServiceError } from '@sluice/errors';
import { commitmentHash } from '@sluice/segment';
import type { RandomBytes } from './ports.ts';

const SALT_BYTES = 32;

/** An error as clients get it: as the body of an answer, or as the last event of a stream. The same text goes on record. */
export function errorBody(error: ServiceError): string {
  return JSON.stringify(toEnvelope(error));
}

/** What the record of a call says of its error. */
export interface RecordedError {
  /** For the leaf, whether there was an error or not: which names a leaf has must not tell. */
  readonly commitment: string | Uint8Array;
  readonly body: { readonly error?: Uint8Array; readonly errorSalt?: Uint8Array };
}

/** The whole of what the client is told, because a backend may speak in any part of it; a digest of it where no bodies are kept. */
export function recordedError(error: ServiceError | undefined, keepsBodies: boolean, randomBytes: RandomBytes): RecordedError {
  if (!error) return { commitment: '', body: {} };
  const told = Buffer.from(errorBody(error));
  const errorSalt = randomBytes(SALT_BYTES);
  return { commitment: commitmentHash(errorSalt, told), body: keepsBodies ? { error: told, errorSalt } : { errorSalt } };
}
