import { createHmac, hash } from 'node:crypto';
import type { NamedHash, OpenCall } from './call.ts';

/** Length of what the salts of one leaf are derived from. */
export const SALT_SEED_BYTES = 32;

/** A clear field of a leaf that audit makes itself; text counts as its UTF-8 bytes. */
export type Field = readonly [name: string, value: string | Uint8Array];

export interface FieldOpening {
  readonly name: string;
  readonly salt: Uint8Array;
  readonly value: Uint8Array;
}

/** What an abandoned call's leaf commits to, in order. */
export function abandonedFields(call: OpenCall): Field[] {
  const { counts } = call;
  return [
    ['call_id', call.callId],
    ['organisation_id', call.organisationId],
    ['project_id', call.projectId],
    ['key_id', call.keyId],
    ['model', call.model],
    ['counts', `${counts.inputTokens},${counts.outputTokens},${counts.cachedInputTokens},${counts.reasoningTokens},${counts.estimated}`],
    ['output_bytes', call.outputBytes.toString()],
    ['output_chain', call.outputChain],
  ];
}

/** Salts and values: one salt per field, HMAC-SHA-256(seed, name), so that the seed is all that must be kept or shredded. */
export function openingsOf(fields: readonly Field[], seed: Uint8Array): FieldOpening[] {
  return fields.map(([name, value]) => ({ name, salt: createHmac('sha256', seed).update(name).digest(), value: typeof value === 'string' ? Buffer.from(value) : value }));
}

/** SHA-256(salt || value) of each field. */
export function commitmentsOf(fields: readonly Field[], seed: Uint8Array): NamedHash[] {
  return openingsOf(fields, seed).map(({ name, salt, value }) => ({ name, hash: saltedHash(salt, value) }));
}

export function saltedHash(salt: Uint8Array, value: Uint8Array): Buffer {
  return hash('sha256', Buffer.concat([salt, value]), 'buffer');
}
