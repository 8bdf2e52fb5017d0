import { askedMessage, isRead } from '@sluice/segment';
import type { Call } from '../call.ts';
import { mediaTokens } from './media-bound.ts';

/** What a chat template puts around each message: markers of its role, its beginning and its end. */
const MESSAGE_TOKENS = 8;
/** What a chat template says by itself: a default system prompt, a date, the opening of the answer. */
const TEMPLATE_TOKENS = 64;
/** What it says beside the tools that it lists: how to call them. */
const TOOLS_TEMPLATE_TOKENS = 512;
/** Templates write the schemas of tools anew, with blanks and line ends between their members. */
const SCHEMA_GROWTH = 2;
/** What is packed (PDF, film) or lies elsewhere may fill the window of the model, all of it together: those in use end here. */
const UNKNOWN_MOST_TOKENS = 1_048_576;
/** What is charged of a choice whose length the request does not bound; corrected when the call is over. */
export const DEFAULT_OUTPUT_TOKENS = 1_024;

const TOOL_FIELDS = new Set(['tools', 'functions']);
/** What a prompt can take, known before any tokeniser has seen it. */
export interface PromptTokens {
  /** As limits are charged: a bound for text, because a token of a byte-level vocabulary stands for one byte at least; an estimate for media. */
  readonly charged: number;
  /** As money is set aside: a bound for media too. */
  readonly most: number;
}

/** What a call can take. */
export interface TokenBound {
  readonly inputTokens: PromptTokens;
  /** Over all choices; undefined when the request does not bound it. */
  readonly outputTokens: bigint | undefined;
}

/** Tensors are no tokens: a call with them is one unit, whatever they hold. Limits of tokens count it as one, and the price of its model's input is what it costs. */
const TENSOR_BOUND: TokenBound = { inputTokens: { charged: 1, most: 1 }, outputTokens: 0n };

/**
 * Input: the UTF-8 bytes of all text and what a template adds. Output: choices times the length that was asked for.
 *
 * @param inMessages where they were parsed already, what `messagesTokens` gave for them
 */
export function tokenBound({ messages, fields, choices, tensors }: Call, inMessages?: PromptTokens): TokenBound {
  if (tensors) return TENSOR_BOUND;
  const { charged, most } = inMessages ?? messagesTokens(parsed(messages));
  let beside = TEMPLATE_TOKENS;
  let longest: number | undefined;
  for (const { name, json } of fields) {
    if (isRead(name)) beside += json.length * SCHEMA_GROWTH;
    if (TOOL_FIELDS.has(name)) beside += TOOLS_TEMPLATE_TOKENS;
    // A request names one of the two (http/chat-completions/request.ts).
    if (name === 'max_completion_tokens' || name === 'max_tokens') longest = Number(Buffer.from(json).toString());
  }
  return { inputTokens: { charged: charged + beside, most: most + beside }, outputTokens: longest === undefined ? undefined : BigInt(longest) * BigInt(choices) };
}

/** The most that messages can take, without what a template says beside them. */
export function messagesTokens(messages: readonly unknown[]): PromptTokens {
  const sum = { charged: 0, most: 0 };
  let isUnknown = false;
  for (const message of messages) {
    const { textBytes, media } = askedMessage(message);
    sum.charged += MESSAGE_TOKENS + textBytes;
    sum.most += MESSAGE_TOKENS + textBytes;
    for (const { charged, most } of media.map(mediaTokens)) {
      sum.charged += charged;
      sum.most += most ?? 0;
      isUnknown ||= most === undefined;
    }
  }
  return { charged: sum.charged, most: sum.most + (isUnknown ? UNKNOWN_MOST_TOKENS : 0) };
}

function parsed(messages: Uint8Array): readonly unknown[] {
  return JSON.parse(Buffer.from(messages.buffer, messages.byteOffset, messages.byteLength).toString()) as readonly unknown[];
}

/** What limits are charged for a call before it is known what it takes. */
export function chargedTokens({ inputTokens, outputTokens }: TokenBound, choices: number): number {
  return inputTokens.charged + Number(outputTokens ?? BigInt(DEFAULT_OUTPUT_TOKENS * choices));
}
