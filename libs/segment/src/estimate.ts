import { askedMessage } from './asked-message.ts';

/** A token takes about four bytes of text in the usual vocabularies. */
const BYTES_PER_TOKEN = 4;

/**
 * Tokens where nobody counted them (`estimated` in events.v1.Counts and chat.v1.Usage). One rule for who serves a call and
 * who records it: a call that breaks off is counted as it would have been at its end.
 */
export function estimateTokens(bytes: number): bigint {
  return BigInt(Math.ceil(bytes / BYTES_PER_TOKEN));
}

/** Fields that end up in the prompt beside the messages: servers write schemas of tools and of answers, and what a template asks for, before them. */
const PROMPT_FIELDS: ReadonlySet<string> = new Set(['tools', 'functions', 'response_format', 'documents', 'chat_template_kwargs', 'guided_json', 'structured_outputs', 'prediction']);

/** Whether a model reads a field of a request, or is only driven by it, as by its length or temperature. */
export function isRead(field: string): boolean {
  return PROMPT_FIELDS.has(field);
}

/** A picture, sound or file, taken for as many tokens as open vision models take for a picture of four megapixels. */
export const MEDIA_TOKENS = 4_096;

/**
 * Bytes of what a model reads of a call. How it is to answer is no part of them, nor how the request is written: the same
 * prompt has the same bytes, however it is asked.
 *
 * @param messages JSON, an array
 */
export function askedBytes({ messages, fields }: { readonly messages: Uint8Array; readonly fields: readonly { readonly name: string; readonly json: Uint8Array }[] }): number {
  let bytes = 0;
  for (const message of JSON.parse(Buffer.from(messages.buffer, messages.byteOffset, messages.byteLength).toString()) as readonly unknown[]) {
    const { textBytes, media } = askedMessage(message);
    bytes += textBytes + media.length * MEDIA_TOKENS * BYTES_PER_TOKEN;
  }
  for (const { name, json } of fields) if (isRead(name)) bytes += json.length;
  return bytes;
}
