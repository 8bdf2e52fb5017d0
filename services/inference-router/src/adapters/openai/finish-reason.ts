import type { ChatCall } from '@sluice/proto/chat/v1/chat';
import { rubbish } from './upstream-error.ts';

const OPENAI = new Set(['stop', 'length', 'tool_calls', 'function_call', 'content_filter']);
/** Other servers' words for the same. */
const SYNONYMS: Readonly<Record<string, string>> = { max_tokens: 'length', model_length: 'length', tool_use: 'tool_calls', safety: 'content_filter' };
/** Words with which a backend says that it failed. */
const FAILURES = new Set(['error', 'abort', 'insufficient_system_resource']);

/**
 * OpenAI's word for why a choice ended. A choice that called tools ended because of them, whatever the backend says;
 * a backend that says nothing stopped.
 */
export function finishReason(given: string | undefined, hasTools: boolean, hasFunctionCall: boolean): string {
  const word = given?.toLowerCase() ?? 'stop';
  if (FAILURES.has(word)) throw rubbish('the backend ended the answer with an error');
  const reason = OPENAI.has(word) ? word : (SYNONYMS[word] ?? 'stop');
  if (reason !== 'stop') return reason;
  return hasTools ? 'tool_calls' : hasFunctionCall ? 'function_call' : 'stop';
}

/** True when the request forces one tool by name: OpenAI then ends with `stop`. */
export function namesOneTool(call: ChatCall): boolean {
  const field = call.fields.find(({ name }) => name === 'tool_choice');
  if (!field) return false;
  const text = Buffer.from(field.json).toString('utf8');
  try {
    const choice: unknown = JSON.parse(text);
    return typeof choice === 'object' && choice !== null && 'type' in choice && (choice.type === 'function' || choice.type === 'custom');
  } catch {
    return false;
  }
}
