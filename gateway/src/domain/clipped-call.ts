import type { Call } from './call.ts';

const LENGTH_FIELDS = new Set(['max_tokens', 'max_completion_tokens']);

/** The call with no more output to a choice than this, where it asks for more; else the same call. One that asks for no length is left to be stopped. */
export function clipped(call: Call, outputTokens: number): Call {
  if (!call.fields.some(({ name, json }) => LENGTH_FIELDS.has(name) && asked(json) > outputTokens)) return call;
  const json = Buffer.from(String(outputTokens));
  return { ...call, fields: call.fields.map((field) => (LENGTH_FIELDS.has(field.name) && asked(field.json) > outputTokens ? { name: field.name, json } : field)) };
}

function asked(json: Uint8Array): number {
  return Number(Buffer.from(json).toString());
}
