import type { Call } from './call.ts';

const LENGTH_FIELDS = new Set(['max_tokens', 'max_completion_tokens']);

/** The name that models which think take too: they alone spend what cannot be seen, and so cannot be stopped, on the way. */
const ADDED_FIELD = 'max_completion_tokens';

/**
 * A call that names no length is given one where so little is affordable. More could be beyond what its model can say, and
 * servers refuse to be asked for that; such a call is stopped on the way, by what is seen of its output.
 */
export const ADDED_LENGTH_LIMIT_TOKENS = 2_048;

/** The call with no more output to a choice than this, where it asks for more or for no length; else the same call. */
export function clipped(call: Call, outputTokens: number): Call {
  const json = Buffer.from(String(outputTokens));
  if (!call.fields.some(({ name }) => LENGTH_FIELDS.has(name))) {
    return outputTokens > ADDED_LENGTH_LIMIT_TOKENS ? call : { ...call, fields: [...call.fields, { name: ADDED_FIELD, json }] };
  }
  if (!call.fields.some(({ name, json: given }) => LENGTH_FIELDS.has(name) && asked(given) > outputTokens)) return call;
  return { ...call, fields: call.fields.map((field) => (LENGTH_FIELDS.has(field.name) && asked(field.json) > outputTokens ? { name: field.name, json } : field)) };
}

function asked(json: Uint8Array): number {
  return Number(Buffer.from(json).toString());
}
