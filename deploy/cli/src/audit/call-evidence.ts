import { hash } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { fromBinary } from '@bufbuild/protobuf';
import { OutputBodySchema } from '@sluice/proto/events/v1/calls';
import { ChatCallSchema, type ChatEvent } from '@sluice/proto/chat/v1/chat';
import { askedTensorsView, nextChain, outputView } from '@sluice/segment';
import { LogFault } from '@sluice/transparency';
import { z } from 'zod';
import type { RecordedCall } from '../platform-api/answers.ts';

const CHAIN_BYTES = 32;
const base64 = z.base64().transform((text) => Buffer.from(text, 'base64'));

/** What a platform hands out beside the proof to those who may read the call (gateway/README.md). */
export const callEvidence = z.object({
  openings: z.array(z.object({ name: z.string(), salt: base64, value: base64 })),
  prompt: z.object({ salt: base64, value: base64 }).nullable(),
  error: z.object({ salt: base64, value: base64 }).nullable(),
  output: z.object({ start: base64, released: z.array(base64) }).nullable(),
  /** Where the project keeps originals and there is one. */
  original: z.object({ prompt: z.object({ salt: base64, value: base64 }).nullable(), output: z.object({ salt: base64, given: z.array(base64) }).nullable() }).optional(),
});
export type CallEvidence = z.infer<typeof callEvidence>;

/** The values that a leaf's commitments were opened to, by name. */
export type Opened = ReadonlyMap<string, Buffer>;

/** True when the request that `audit show` prints, messages and parameters, is the one that was committed to; false when there is nothing to hold it against. */
export function provePrompt({ prompt }: CallEvidence, opened: Opened, shown: RecordedCall): boolean {
  const committed = opened.get('prompt');
  if (!committed || !prompt) return false;
  if (!isCommitted(committed, prompt)) throw differs('prompt');
  if (!isDeepStrictEqual(plain(shown.request), asked(prompt.value))) throw differs('prompt');
  return true;
}

/** True when a committed hash is that of a salt and the value that is handed out with it. */
export function isCommitted(committed: Buffer, { salt, value }: { readonly salt: Buffer; readonly value: Buffer }): boolean {
  return committed.equals(hash('sha256', Buffer.concat([salt, value]), 'buffer'));
}

/** An encoded chat.v1.ChatCall as a request is printed: null for one that asks for no choices, because nothing of it was understood. */
export function asked(bytes: Uint8Array): unknown {
  const { model, stream, choices, messages, fields, tensors } = fromBinary(ChatCallSchema, bytes);
  if (choices === 0) return null;
  const parameters = fields.map(({ name, json }) => [name, parsed(json)] as const);
  return { model, stream, n: choices, messages: parsed(messages), ...Object.fromEntries(parameters), ...(tensors.length > 0 && { tensors: JSON.parse(JSON.stringify(askedTensorsView(tensors))) as unknown }) };
}

function parsed(json: Uint8Array): unknown {
  return json.length === 0 ? null : JSON.parse(Buffer.from(json).toString('utf8'));
}

/** Holds the error that `audit show` prints against the one that was committed to, where both are there: what a backend said is content too. */
export function proveError({ error }: CallEvidence, opened: Opened, shown: RecordedCall): void {
  const committed = opened.get('error');
  if (!committed || (committed.length > 0 && !error)) return;
  const told = error ? (JSON.parse(error.value.toString('utf8')) as { error: Record<string, unknown> }).error : null;
  if (error && !isCommitted(committed, error)) throw differs('error');
  if (!isDeepStrictEqual(plain(shown.error ?? null), told) || shown.error_message !== (told?.['message'] ?? null)) throw differs('error');
}

/**
 * True when the answer that `audit show` prints, event by event, is the chain of output that was committed to.
 * The chain alone could lack its beginning; the count of bytes, which is committed to as well, says that it is whole.
 */
export function proveOutput({ output }: CallEvidence, opened: Opened, shown: RecordedCall): boolean {
  const committed = opened.get('output') ?? opened.get('output_chain');
  if (!committed || !output) return false;
  if (output.start.length !== CHAIN_BYTES || !committed.equals(output.released.reduce<Buffer>(nextChain, output.start))) throw differs('output');
  const events = output.released.flatMap((bytes) => fromBinary(OutputBodySchema, bytes).events);
  if (bytesOf(events) !== committedBytes(opened)) throw differs('number of output bytes');
  const { choices, events: seen } = JSON.parse(JSON.stringify(outputView(events))) as Pick<RecordedCall, 'choices' | 'events'>;
  if (!isDeepStrictEqual(plain(shown.choices), choices) || !isDeepStrictEqual(plain(shown.events), seen)) throw differs('answer');
  return true;
}

function bytesOf(events: readonly ChatEvent[]): number {
  return events.reduce((sum, { event }) => sum + (event.case === 'delta' ? Buffer.byteLength(event.value.text) : event.case === 'tensors' ? event.value.response.length : 0), 0);
}

/** Where the bytes of output stand in the result of a completed call. */
const OUTPUT_BYTES_AT = 9;

/** An abandoned call commits to its bytes by themselves, a completed one among the figures of its result. */
function committedBytes(opened: Opened): number {
  const own = opened.get('output_bytes');
  return own ? Number(own.toString()) : Number((JSON.parse(opened.get('result')?.toString() ?? '[]') as unknown[])[OUTPUT_BYTES_AT]);
}

/** As JSON holds it. */
export function plain(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value));
}

export function differs(what: string): LogFault {
  return new LogFault('proof', `The ${what} that the platform shows is not what the entry commits to.`);
}
