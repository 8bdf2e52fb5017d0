import { believedCounts, MAX_CALL_TOKENS } from '@sluice/pricing';
import type { ChatEvent } from '@sluice/proto/chat/v1/chat';
import { estimateTokens } from '@sluice/segment';
import { usage, type CountsFields } from './chat-events.ts';
import { isObject } from './upstream-error.ts';

export interface Bytes {
  /** Asked when the backend did not count. */
  readonly input: () => number;
  readonly output: number;
}

/**
 * The event of usage from the backend's object and its source text. What the backend did not count, or counted as
 * nothing although it sent text, is estimated from bytes and marked so; of a part it is believed no more than the whole.
 */
export function usageOf(object: unknown, source: string | undefined, bytes: Bytes): ChatEvent {
  const given = isObject(object) ? object : {};
  const input = count(given['prompt_tokens']);
  const output = count(given['completion_tokens']);
  const isOutputCounted = output !== undefined && (output > 0n || bytes.output === 0);
  const isInputCounted = input !== undefined && input > 0n;
  return usage({
    ...believedCounts({ inputTokens: isInputCounted ? input : estimateTokens(bytes.input()), outputTokens: isOutputCounted ? output : estimateTokens(bytes.output), ...details(given) }),
    estimated: !isInputCounted || !isOutputCounted,
    json: source === undefined ? new Uint8Array(0) : Buffer.from(source),
  });
}

/** The counts of a usage object; undefined where the input or the output is not counted, or as nothing. */
export function countsOf(object: unknown): CountsFields | undefined {
  if (!isObject(object)) return undefined;
  const inputTokens = count(object['prompt_tokens']);
  const outputTokens = count(object['completion_tokens']);
  if (!inputTokens || !outputTokens) return undefined;
  return believedCounts({ inputTokens, outputTokens, ...details(object) });
}

/** Undefined for what is no count: more than any model can read or write is as little one as a text. */
function count(value: unknown): bigint | undefined {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 && value <= MAX_CALL_TOKENS ? BigInt(value) : undefined;
}

function details(usage: Readonly<Record<string, unknown>>): Pick<CountsFields, 'cachedInputTokens' | 'reasoningTokens'> {
  return { cachedInputTokens: detail(usage['prompt_tokens_details'], 'cached_tokens'), reasoningTokens: detail(usage['completion_tokens_details'], 'reasoning_tokens') };
}

function detail(details: unknown, name: string): bigint {
  return (isObject(details) ? count(details[name]) : undefined) ?? 0n;
}
