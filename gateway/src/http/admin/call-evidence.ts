import { create, toBinary } from '@bufbuild/protobuf';
import type { GetCallResponse } from '@sluice/proto/audit/v1/audit';
import { ChatCallSchema, type ChatCall } from '@sluice/proto/chat/v1/chat';
import { OriginalOutputSchema, OutputBodySchema } from '@sluice/proto/events/v1/calls';

/**
 * What lets a reader hold the record of a call against its leaf, in base64: the openings of the leaf's commitments; the
 * prompt with everything else that was asked, and the error that the client was told, as they were committed to; the start of the output chain and what was
 * released, record by record. Null for what is no longer there or was never kept. Where the project keeps originals, the same of them.
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
    if (part?.case === 'output') released.push(base64(toBinary(OutputBodySchema, create(OutputBodySchema, { events: part.value.events }))));
    if (part?.case === 'completed') openings.push(...part.value.openings.map(({ name, salt, value }) => ({ name, salt: base64(salt), value: base64(value) })));
    if (part?.case === 'completed' && part.value.error.length > 0) error = { salt: base64(part.value.errorSalt), value: base64(part.value.error) };
    if ((part?.case === 'admitted' || part?.case === 'completed') && part.value.call) prompt = promptEvidence(part.value.call, part.value.promptSalt);
  }
  return { openings, prompt, error, output: start ? { start: base64(start), released } : null, ...originalEvidence(parts) };
}

/** Nothing where nothing is kept beside what was sent. */
function originalEvidence(parts: GetCallResponse['parts']): object {
  const given: string[] = [];
  let prompt: object | null = null;
  let salt: Uint8Array | undefined;
  for (const { body } of parts) {
    const part = body?.body;
    if (part?.case === 'output' && part.value.original) given.push(base64(toBinary(OriginalOutputSchema, part.value.original)));
    if ((part?.case === 'admitted' || part?.case === 'completed') && part.value.original) prompt = promptEvidence(part.value.original, part.value.originalSalt);
    if (part?.case === 'completed' && part.value.originalOutputSalt.length > 0) salt = part.value.originalOutputSalt;
  }
  const output = salt ? { salt: base64(salt), given } : null;
  return prompt || output ? { original: { prompt, output } } : {};
}

function promptEvidence(call: ChatCall, salt: Uint8Array): object {
  return { salt: base64(salt), value: base64(toBinary(ChatCallSchema, call)) };
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64');
}
