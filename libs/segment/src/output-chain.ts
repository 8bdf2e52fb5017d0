import type { MessageInitShape } from '@bufbuild/protobuf';
import type { OutputBodySchema } from '@sluice/proto/events/v1/calls';
import { encodeOutput } from './encode-record.ts';
import { hashJoined } from './joined-hash.ts';
import type { EncodedOutput } from './record.ts';

/** SHA-256(previous || encoded OutputBody): the digest over everything that a call released so far. */
export function nextChain(previous: Uint8Array, outputBody: Uint8Array): Buffer {
  return hashJoined(previous, outputBody);
}

/** Encodes an output once, for the chain and for the segment alike. */
export function chainOutput(
  previous: Uint8Array,
  output: MessageInitShape<typeof OutputBodySchema>,
): { readonly chain: Buffer; readonly body: EncodedOutput } {
  const bytes = encodeOutput(output);
  return { chain: nextChain(previous, bytes), body: { case: 'encodedOutput', bytes } };
}
