import type { RawValue } from './raw-value.ts';
import { isObject, rubbish } from './upstream-error.ts';

/** Members of a message that have an event of their own, or say nothing. */
const KNOWN = new Set(['role', 'content', 'reasoning_content', 'reasoning', 'refusal', 'tool_calls', 'function_call']);

export function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

/** Content is text; some backends send it as a list of parts. */
export function contentOf(value: unknown): string | undefined {
  if (typeof value === 'string' || value === null || value === undefined) return value ?? undefined;
  if (!Array.isArray(value)) throw rubbish('content is neither text nor parts');
  return value.map((part: unknown) => (isObject(part) ? (textOf(part['text']) ?? '') : '')).join('');
}

/** The members that Sluice does not interpret, in their own source text. */
export function extraOf(message: Readonly<Record<string, unknown>>, source: () => RawValue | undefined): Buffer | undefined {
  let members = '';
  for (const name in message) {
    if (KNOWN.has(name) || message[name] === null) continue;
    members += `${members === '' ? '' : ','}${JSON.stringify(name)}:${source()?.at(name)?.text}`;
  }
  return members === '' ? undefined : Buffer.from(`{${members}}`);
}
