import type { Usage } from '@sluice/proto/chat/v1/chat';
import { jsonText } from './json-text.ts';

/**
 * OpenAI's usage object as JSON text: the backend's own when it sent one and its counts are those on record; where it says
 * of a part more than of the whole, the client gets the counts as the record has them, and so where they had to be
 * estimated, with a member `sluice` that says so: clients of OpenAI pass over members they do not know. Details that nobody counted are not invented.
 */
export function usageJson(usage: Usage): string {
  if (usage.json.length > 0 && !usage.estimated) {
    const own = jsonText(usage.json);
    if (isOnRecord(own, usage)) return own;
  }
  const { inputTokens, outputTokens, cachedInputTokens, reasoningTokens, estimated } = usage;
  const cached = cachedInputTokens > 0n ? `,"prompt_tokens_details":{"cached_tokens":${cachedInputTokens}}` : '';
  const reasoning = reasoningTokens > 0n ? `,"completion_tokens_details":{"reasoning_tokens":${reasoningTokens}}` : '';
  const mark = estimated ? ',"sluice":{"estimated":true}' : '';
  return `{"prompt_tokens":${inputTokens},"completion_tokens":${outputTokens},"total_tokens":${inputTokens + outputTokens}${cached}${reasoning}${mark}}`;
}

/** Whether a backend's own object says no more of the parts than was believed. */
function isOnRecord(own: string, { cachedInputTokens, reasoningTokens }: Usage): boolean {
  const { prompt_tokens_details: input, completion_tokens_details: output } = (JSON.parse(own) as Parts | null) ?? {};
  return !isAbove(input?.cached_tokens, cachedInputTokens) && !isAbove(output?.reasoning_tokens, reasoningTokens);
}

interface Parts {
  readonly prompt_tokens_details?: { readonly cached_tokens?: unknown } | null;
  readonly completion_tokens_details?: { readonly reasoning_tokens?: unknown } | null;
}

function isAbove(said: unknown, believed: bigint): boolean {
  return typeof said === 'number' && said > Number(believed);
}
