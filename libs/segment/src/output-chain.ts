import type { MessageInitShape } from '@bufbuild/protobuf';
import type { OutputBodySchema } from '@sluice/proto/events/v1/calls';
import { encodeOriginalField, encodeOutput } from './encode-record.ts';
import { hashJoined } from './joined-hash.ts';
import type { EncodedOutput } from './record.ts';

type OutputInit = MessageInitShape<typeof OutputBodySchema>;

/** SHA-256(previous || encoded OutputBody): the digest over everything that a call released so far. The same over the encoded originals of its output. */
export function nextChain(previous: Uint8Array, outputBody: Uint8Array): Buffer {
  return hashJoined(previous, outputBody);
}

/** Encodes an output once, for the chain and for the segment alike. */
export function chainOutput(
  previous: Uint8Array,
  output: Pick<OutputInit, 'events'>,
): { readonly chain: Buffer; readonly body: EncodedOutput } {
  const bytes = encodeOutput(output);
  return { chain: nextChain(previous, bytes), body: { case: 'encodedOutput', bytes } };
}

/** Length of the salt that a chain of originals begins at. */
export const ORIGINAL_SALT_BYTES = 32;

/**
 * Where the chain of the originals of a call's output begins: SHA-256(salt). No link can pass for it, so nothing can be left
 * out at the beginning: a link is the hash of more bytes than a salt has. Throws for a salt of another length.
 */
export function originalChainStart(salt: Uint8Array): Buffer {
  if (salt.length !== ORIGINAL_SALT_BYTES) throw new RangeError('a chain of originals begins at a salt of 32 bytes');
  return hashJoined(salt, new Uint8Array());
}

/** Puts what the model gave into the body of an output, behind what is released, and into the chain of originals. */
export function chainOriginal(previous: Uint8Array, { bytes }: EncodedOutput, events: NonNullable<OutputInit['events']>): { readonly chain: Buffer; readonly body: EncodedOutput } {
  // An OriginalOutput has its events where an OutputBody has them.
  const original = encodeOutput({ events });
  return { chain: nextChain(previous, original), body: { case: 'encodedOutput', bytes: Buffer.concat([bytes, encodeOriginalField(original)]) } };
}
