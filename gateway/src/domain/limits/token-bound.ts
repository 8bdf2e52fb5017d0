import type { Call } from '../call.ts';

/** What a chat template puts around each message: markers of its role, its beginning and its end. */
const MESSAGE_TOKENS = 8;
/** What a chat template says by itself: a default system prompt, a date, the opening of the answer. */
const TEMPLATE_TOKENS = 64;
/** What it says beside the tools that it lists: how to call them. */
const TOOLS_TEMPLATE_TOKENS = 512;
/** Templates write the schemas of tools anew, with blanks and line ends between their members. */
const SCHEMA_GROWTH = 2;
/** One image, sound or file: what open vision models take for a picture of four megapixels. */
const MEDIA_TOKENS = 4_096;
/** The most that a picture is charged as: gpt-4o-mini takes 2,833 tokens and 5,667 for each of up to eight tiles. */
const IMAGE_MOST_TOKENS = 49_152;
/** A second of sound takes some ten tokens, and in MP3 a thousand bytes at the least. */
const SOUND_BYTES_A_TOKEN = 16;
/** What is packed (PDF, film) or lies elsewhere may fill the window of the model: those in use end here. */
const UNKNOWN_MOST_TOKENS = 1_048_576;
/** Some servers take an address where data belongs. */
const ADDRESS = /^\s*[a-z][a-z0-9+.-]*:(?!.*;base64,)/i;
const INLINE_TEXT = /^data:text\/[a-z0-9.+-]+(?:;charset=[a-z0-9-]+)?;base64,/i;
/** A number takes no more characters (ECMA-262, Number::toString). */
const SCALAR_BYTES = 25;

/** What is charged of a choice whose length the request does not bound; corrected when the call is over. */
export const DEFAULT_OUTPUT_TOKENS = 1_024;

/** Fields that end up in the prompt beside the messages. */
const PROMPT_FIELDS = new Set(['tools', 'functions', 'response_format', 'documents', 'chat_template_kwargs', 'guided_json', 'structured_outputs', 'prediction']);
const TOOL_FIELDS = new Set(['tools', 'functions']);
/** Parts of a message's content that are no text. */
const MEDIA_PARTS = new Set(['image_url', 'input_audio', 'file', 'video_url', 'audio_url']);

/** Names that stand in every message and in no prompt. */
const STRUCTURE = new Set(['role', 'content', 'type', 'text']);

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

/**
 * Input: the UTF-8 bytes of all text and what a template adds. Output: choices times the length that was asked for.
 *
 * @param inMessages where they were parsed already, what `messagesTokens` gave for them
 */
export function tokenBound({ messages, fields, choices }: Call, { charged, most } = messagesTokens(parsed(messages))): TokenBound {
  let beside = TEMPLATE_TOKENS;
  let longest: number | undefined;
  for (const { name, json } of fields) {
    if (PROMPT_FIELDS.has(name)) beside += json.length * SCHEMA_GROWTH;
    if (TOOL_FIELDS.has(name)) beside += TOOLS_TEMPLATE_TOKENS;
    // A request names one of the two (http/chat-completions/request.ts).
    if (name === 'max_completion_tokens' || name === 'max_tokens') longest = Number(Buffer.from(json).toString());
  }
  return { inputTokens: { charged: charged + beside, most: most + beside }, outputTokens: longest === undefined ? undefined : BigInt(longest) * BigInt(choices) };
}

/** The most that messages can take, without what a template says beside them. */
export function messagesTokens(messages: readonly unknown[]): PromptTokens {
  let [charged, most] = [0, 0];
  for (const message of messages) {
    const media = mediaTokens(message);
    const text = messageTokens(message);
    charged += text + media.charged;
    most += text + media.most;
  }
  return { charged, most };
}

const NO_MEDIA: PromptTokens = { charged: 0, most: 0 };

/** What the parts of a message that are no text can take. */
function mediaTokens(message: unknown): PromptTokens {
  const content = (message as { readonly content?: unknown } | null)?.content;
  if (!Array.isArray(content)) return NO_MEDIA;
  let [charged, most] = [0, 0];
  for (const part of content) {
    if (!isMedia(part)) continue;
    charged += MEDIA_TOKENS;
    most += mediaMost(part.type, (part as Readonly<Record<string, unknown>>)[part.type]);
  }
  return { charged, most };
}

function isMedia(part: unknown): part is { readonly type: string } {
  const type = (part as { readonly type?: unknown } | null)?.type;
  return typeof type === 'string' && MEDIA_PARTS.has(type);
}

/** Text takes its bytes at most, and plain sound far less. Whatever is packed, or lies elsewhere, may be anything. */
function mediaMost(type: string, media: unknown): number {
  if (type === 'image_url') return IMAGE_MOST_TOKENS;
  const { file_data: file, file_id: id, data } = (media ?? {}) as Readonly<Record<string, unknown>>;
  if (type === 'input_audio' && typeof data === 'string' && !ADDRESS.test(data)) return Math.max(MEDIA_TOKENS, Math.ceil(bytesOf(data) / SOUND_BYTES_A_TOKEN));
  if (type === 'file' && typeof file === 'string' && id === undefined && INLINE_TEXT.test(file)) return Math.max(MEDIA_TOKENS, bytesOf(file));
  return UNKNOWN_MOST_TOKENS;
}

/** Of base64 text. */
function bytesOf(encoded: string): number {
  return Math.ceil((encoded.length * 3) / 4);
}

function parsed(messages: Uint8Array): readonly unknown[] {
  return JSON.parse(Buffer.from(messages.buffer, messages.byteOffset, messages.byteLength).toString()) as readonly unknown[];
}

/** What limits are charged for a call before it is known what it takes. */
export function chargedTokens({ inputTokens, outputTokens }: TokenBound, choices: number): number {
  return inputTokens.charged + Number(outputTokens ?? BigInt(DEFAULT_OUTPUT_TOKENS * choices));
}

/** A message with its content, part by part. */
function messageTokens(message: unknown): number {
  const content = (message as { readonly content?: unknown } | null)?.content;
  if (!Array.isArray(content)) return MESSAGE_TOKENS + textBytes(message);
  let tokens = MESSAGE_TOKENS + textBytes({ ...(message as object), content: undefined });
  for (const part of content) tokens += partTokens(part);
  return tokens;
}

/** What a part says in words. */
function partTokens(part: unknown): number {
  return textBytes(isMedia(part) ? { ...part, [part.type]: undefined } : part);
}

/** The UTF-8 bytes of all strings and names in a value. Its depth is bounded where the request is read. */
function textBytes(value: unknown): number {
  if (typeof value === 'string') return Buffer.byteLength(value);
  if (typeof value === 'number' || typeof value === 'boolean') return SCALAR_BYTES;
  if (typeof value !== 'object' || value === null) return 0;
  let bytes = 0;
  if (Array.isArray(value)) for (const element of value) bytes += textBytes(element);
  else for (const [name, member] of Object.entries(value)) bytes += (STRUCTURE.has(name) ? 0 : Buffer.byteLength(name)) + textBytes(member);
  return bytes;
}
