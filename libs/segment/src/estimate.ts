/** A token takes about four bytes of text in the usual vocabularies. */
const BYTES_PER_TOKEN = 4;

/**
 * Tokens where nobody counted them (`estimated` in events.v1.Counts and chat.v1.Usage). One rule for who serves a call and
 * who records it: a call that breaks off is counted as it would have been at its end.
 */
export function estimateTokens(bytes: number): bigint {
  return BigInt(Math.ceil(bytes / BYTES_PER_TOKEN));
}

/** Bytes of what a model reads of a call: schemas of tools and of answers are put before it as the messages are. */
export function askedBytes({ messages, fields }: { readonly messages: Uint8Array; readonly fields: readonly { readonly json: Uint8Array }[] }): number {
  return fields.reduce((sum, { json }) => sum + json.length, messages.length);
}
