import { arrayOf, invalidType, isObject, missing, name, object, oneOf, optional, own, required, string, type Rule } from '../field-rules.ts';
import { BODY_LIMIT_BYTES, CONTENT_PARTS_LIMIT, MESSAGES_LIMIT, SHORT_STRING_LIMIT_CHARACTERS, TOOLS_LIMIT } from '../limits.ts';

const text = string(BODY_LIMIT_BYTES);
const shortName = name(SHORT_STRING_LIMIT_CHARACTERS);
const role = oneOf('developer', 'system', 'user', 'assistant', 'tool', 'function');
const ROLE_CONTENT = 'one of a string or array of objects';

/** What each kind of content part must hold. The last two are what vLLM adds. */
const PARTS: Readonly<Record<string, (part: Record<string, unknown>, path: string) => void>> = {
  text: (part, path) => required(part, 'text', path, text),
  refusal: (part, path) => required(part, 'refusal', path, text),
  image_url: media('image_url'),
  input_audio: (part, path) => required(part, 'input_audio', path, object),
  file: (part, path) => required(part, 'file', path, object),
  video_url: media('video_url'),
  audio_url: media('audio_url'),
};
const partType = oneOf(...Object.keys(PARTS));

function media(member: string): (part: Record<string, unknown>, path: string) => void {
  return (part, path) =>
    required(part, member, path, (value, at) => {
      object(value, at);
      required(value, 'url', at, text);
      optional(value, 'detail', at, string(SHORT_STRING_LIMIT_CHARACTERS));
    });
}

const parts: Rule = arrayOf(
  (part, path) => {
    object(part, path);
    required(part, 'type', path, partType);
    PARTS[part['type'] as string]!(part, path);
  },
  1,
  CONTENT_PARTS_LIMIT,
);

function content(value: unknown, path: string): void {
  if (typeof value === 'string') return;
  if (!Array.isArray(value)) throw invalidType(path, ROLE_CONTENT, value);
  parts(value, path);
}

const toolCalls: Rule = arrayOf(
  (call, path) => {
    object(call, path);
    required(call, 'id', path, shortName);
    required(call, 'type', path, oneOf('function', 'custom'));
    const kind = call['type'] as 'function' | 'custom';
    required(call, kind, path, (value, at) => {
      object(value, at);
      required(value, 'name', at, shortName);
      required(value, kind === 'function' ? 'arguments' : 'input', at, text);
    });
  },
  1,
  TOOLS_LIMIT,
);

function functionCall(value: unknown, path: string): void {
  object(value, path);
  required(value, 'name', path, shortName);
  required(value, 'arguments', path, text);
}

/** An assistant's turn may be silent only when it did something else: called a tool, refused, spoke. */
function assistant(message: Record<string, unknown>, path: string): void {
  optional(message, 'tool_calls', path, toolCalls);
  optional(message, 'function_call', path, functionCall);
  optional(message, 'refusal', path, text);
  optional(message, 'audio', path, object);
  optional(message, 'reasoning_content', path, text);
  const said = own(message, 'content');
  if (said !== null && said !== undefined) return content(said, `${path}.content`);
  const acted = ['tool_calls', 'function_call', 'refusal', 'audio'].some((member) => (own(message, member) ?? null) !== null);
  if (!acted) throw said === undefined ? missing(`${path}.content`) : invalidType(`${path}.content`, ROLE_CONTENT, said);
}

function message(value: unknown, path: string): void {
  if (!isObject(value)) throw invalidType(path, 'an object', value);
  required(value, 'role', path, role);
  optional(value, 'name', path, shortName);
  switch (value['role']) {
    case 'assistant':
      return assistant(value, path);
    case 'tool':
      required(value, 'tool_call_id', path, shortName);
      return required(value, 'content', path, content);
    case 'function':
      required(value, 'name', path, shortName);
      return optional(value, 'content', path, content);
    default:
      return required(value, 'content', path, content);
  }
}

/** The array `messages`, every member that OpenAI defines checked; members of other makers (`reasoning_content`, `cache_control`) pass. */
export const messages: Rule = arrayOf(message, 1, MESSAGES_LIMIT, 'an array of objects');
