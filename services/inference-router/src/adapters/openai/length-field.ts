import type { ChatCall } from '@sluice/proto/chat/v1/chat';

/**
 * The two names of the bound of a choice's output. `max_completion_tokens` is the later one: OpenAI's models that think take
 * no other (https://platform.openai.com/docs/api-reference/chat/create), and servers that were written before it, or check
 * every field as Mistral's API does, refuse it.
 */
export type LengthField = 'max_tokens' | 'max_completion_tokens';

/**
 * The name that the bound of a call is sent by: its own, or the one that its server is known to take. Undefined where the call
 * has no bound, or both names, which only its client can put right.
 */
export function lengthFieldOf(call: ChatCall, known: LengthField | undefined): LengthField | undefined {
  const names = call.fields.map(({ name }) => name).filter(isLengthField);
  return names.length === 1 ? (known ?? names[0]) : undefined;
}

/** The same bound by its other name. */
export function otherName(name: LengthField): LengthField {
  return name === 'max_tokens' ? 'max_completion_tokens' : 'max_tokens';
}

/** The call with its bound, which it has, under this name; the same call where it is there already. */
export function withLengthField(call: ChatCall, name: LengthField): ChatCall {
  if (call.fields.some((field) => field.name === name)) return call;
  return { ...call, fields: call.fields.map((field) => (isLengthField(field.name) ? { ...field, name } : field)) };
}

function isLengthField(name: string): name is LengthField {
  return name === 'max_tokens' || name === 'max_completion_tokens';
}
