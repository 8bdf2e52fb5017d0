import { toBinary } from '@bufbuild/protobuf';
import type { GetCallResponse } from '@sluice/proto/audit/v1/audit';
import { ChatCallSchema } from '@sluice/proto/chat/v1/chat';
import { OutputBodySchema } from '@sluice/proto/events/v1/calls';

/**
 * What lets a reader hold the record of a call against its leaf, in base64: the openings of the leaf's commitments; the
 * prompt with everything else that was asked, and the error that the client was told, as they were committed to; the start of the output chain and what was
 * released, record by record. Null for what is no longer there or was never kept.
 */
export function callEvidence({ parts }: GetCallResponse): object {
  const openings: object[] = [];
  const released: string[] = [];
  let prompt: object | null = null;
  let error: object | null = null;
  let start: Uint8Array | undefined;
  for (const { body, outputChain } of parts) {
    const part = body?.body;
    if (part?.case === 'admitted') start = outputChain;
    if (part?.case === 'output') released.push(base64(toBinary(OutputBodySchema, part.value)));
    if (part?.case === 'completed') openings.push(...part.value.openings.map(({ name, salt, value }) => ({ name, salt: base64(salt), value: base64(value) })));
    if (part?.case === 'completed' && part.value.error.length > 0) error = { salt: base64(part.value.errorSalt), value: base64(part.value.error) };
    if ((part?.case === 'admitted' || part?.case === 'completed') && part.value.call) prompt = { salt: base64(part.value.promptSalt), value: base64(toBinary(ChatCallSchema, part.value.call)) };
  }
  return { openings, prompt, error, output: start ? { start: base64(start), released } : null };
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64');
}
