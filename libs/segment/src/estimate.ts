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

/** Bytes of what a model reads of a call. How it is to answer is no part of them: the same prompt has the same bytes, however it is asked. */
export function askedBytes({ messages, fields }: { readonly messages: Uint8Array; readonly fields: readonly { readonly name: string; readonly json: Uint8Array }[] }): number {
  return fields.reduce((sum, { name, json }) => (isRead(name) ? sum + json.length : sum), messages.length);
}
