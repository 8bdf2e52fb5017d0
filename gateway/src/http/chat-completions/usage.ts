import type { Usage } from '@sluice/proto/chat/v1/chat';
import { jsonText } from './json-text.ts';

/**
 * OpenAI's usage object as JSON text: the backend's own when it sent one and its counts are those on record; where they
 * had to be estimated, the client gets the estimate as the record has it, with a member `sluice` that says so: clients
 * of OpenAI pass over members they do not know. Details that nobody counted are not invented.
 */
export function usageJson(usage: Usage): string {
  if (usage.json.length > 0 && !usage.estimated) return jsonText(usage.json);
  const { inputTokens, outputTokens, cachedInputTokens, reasoningTokens, estimated } = usage;
  const cached = cachedInputTokens > 0n ? `,"prompt_tokens_details":{"cached_tokens":${cachedInputTokens}}` : '';
  const reasoning = reasoningTokens > 0n ? `,"completion_tokens_details":{"reasoning_tokens":${reasoningTokens}}` : '';
  const mark = estimated ? ',"sluice":{"estimated":true}' : '';
  return `{"prompt_tokens":${inputTokens},"completion_tokens":${outputTokens},"total_tokens":${inputTokens + outputTokens}${cached}${reasoning}${mark}}`;
}
