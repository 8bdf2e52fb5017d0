import type { Usage } from '@sluice/proto/chat/v1/chat';

/** OpenAI's usage object as JSON text: the backend's own, verbatim, when it sent one. Details that nobody counted are not invented. */
export function usageJson(usage: Usage): string {
  if (usage.json.length > 0) return Buffer.from(usage.json.buffer, usage.json.byteOffset, usage.json.length).toString();
  const { inputTokens, outputTokens, cachedInputTokens, reasoningTokens } = usage;
  const cached = cachedInputTokens > 0n ? `,"prompt_tokens_details":{"cached_tokens":${cachedInputTokens}}` : '';
  const reasoning = reasoningTokens > 0n ? `,"completion_tokens_details":{"reasoning_tokens":${reasoningTokens}}` : '';
  return `{"prompt_tokens":${inputTokens},"completion_tokens":${outputTokens},"total_tokens":${inputTokens + outputTokens}${cached}${reasoning}}`;
}
