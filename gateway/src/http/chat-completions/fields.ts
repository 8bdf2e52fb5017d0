import { ServiceError } from '@sluice/errors';
import { arrayOf, boolean, integer, invalidType, invalidValue, isObject, name, number, object, oneOf, optional, required, string, unknown, type Rule } from '../field-rules.ts';
import {
  BODY_LIMIT_BYTES,
  CHOICES_LIMIT,
  LOGIT_BIAS_LIMIT,
  METADATA_KEY_LIMIT_CHARACTERS,
  METADATA_PAIRS_LIMIT,
  METADATA_VALUE_LIMIT_CHARACTERS,
  MODEL_NAME_LIMIT_CHARACTERS,
  SHORT_STRING_LIMIT_CHARACTERS,
  STOP_STRINGS_LIMIT,
  TOOLS_LIMIT,
  TOP_LOGPROBS_LIMIT,
} from '../limits.ts';
import { EXTENSION_FIELDS } from './extension-fields.ts';
import { messages } from './message-rules.ts';

const text = string(BODY_LIMIT_BYTES);
const shortText = string(SHORT_STRING_LIMIT_CHARACTERS);
const tokens = integer(1, 2 ** 31 - 1);
const FUNCTION_NAME = /^[a-zA-Z0-9_-]{1,64}$/;

function functionName(value: unknown, path: string): void {
  shortText(value, path);
  if (!FUNCTION_NAME.test(value as string)) throw invalidValue(path, `Invalid '${path}': string does not match pattern. Expected a string that matches the pattern '^[a-zA-Z0-9_-]{1,64}$'.`);
}

function functionDefinition(value: unknown, path: string): void {
  object(value, path);
  required(value, 'name', path, functionName);
  optional(value, 'description', path, text);
  optional(value, 'parameters', path, object);
  optional(value, 'strict', path, boolean);
}

function tool(value: unknown, path: string): void {
  object(value, path);
  required(value, 'type', path, oneOf('function', 'custom'));
  if (value['type'] === 'function') return required(value, 'function', path, functionDefinition);
  required(value, 'custom', path, (custom, at) => {
    object(custom, at);
    required(custom, 'name', at, functionName);
    optional(custom, 'description', at, text);
    optional(custom, 'format', at, object);
  });
}

function named(value: unknown, path: string): void {
  object(value, path);
  required(value, 'name', path, functionName);
}

function toolChoice(value: unknown, path: string): void {
  if (typeof value === 'string') return oneOf('none', 'auto', 'required')(value, path);
  if (!isObject(value)) throw invalidType(path, 'one of a string or an object', value);
  required(value, 'type', path, oneOf('function', 'custom', 'allowed_tools'));
  const type = value['type'] as string;
  required(value, type, path, type === 'allowed_tools' ? object : named);
}

function functionCall(value: unknown, path: string): void {
  if (typeof value === 'string') return oneOf('none', 'auto')(value, path);
  if (!isObject(value)) throw invalidType(path, 'one of a string or an object', value);
  named(value, path);
}

function responseFormat(value: unknown, path: string): void {
  object(value, path);
  required(value, 'type', path, oneOf('text', 'json_object', 'json_schema'));
  if (value['type'] !== 'json_schema') return;
  required(value, 'json_schema', path, (schema, at) => {
    object(schema, at);
    required(schema, 'name', at, functionName);
    optional(schema, 'schema', at, object);
    optional(schema, 'description', at, text);
    optional(schema, 'strict', at, boolean);
  });
}

function stop(value: unknown, path: string): void {
  if (typeof value === 'string') return text(value, path);
  arrayOf(text, 1, STOP_STRINGS_LIMIT, 'one of a string or array of strings')(value, path);
}

function mapOf(rule: Rule, maxPairs: number, maxKeyCharacters: number): Rule {
  return (value, path) => {
    object(value, path);
    const keys = Object.keys(value);
    if (keys.length > maxPairs) throw invalidValue(path, `Invalid '${path}': too many properties. Expected an object with at most ${maxPairs} properties, but got an object with ${keys.length} properties instead.`);
    for (const key of keys) {
      if (key.length > maxKeyCharacters) throw invalidValue(path, `Invalid '${path}': a key is longer than ${maxKeyCharacters} characters.`);
      rule(value[key], path);
    }
  };
}

function streamOptions(value: unknown, path: string): void {
  object(value, path);
  for (const member of Object.keys(value)) {
    if (member !== 'include_usage' && member !== 'include_obfuscation') throw unknown(`${path}.${member}`);
    optional(value, member, path, boolean);
  }
  if (value['include_obfuscation'] === true) unsupported('streams are not padded here; leave it out or say false.')(true, `${path}.include_obfuscation`);
}

function typed(type: Rule): Rule {
  return (value, path) => {
    object(value, path);
    required(value, 'type', path, type);
  };
}

function unsupported(reason: string): Rule {
  return (_, path) => {
    throw new ServiceError('unsupported_parameter', `Unsupported parameter: '${path}' is not supported: ${reason}`, { param: path });
  };
}

function store(value: unknown, path: string): void {
  boolean(value, path);
  if (value === true) unsupported('answers are not kept for retrieval here.')(value, path);
}

/** Every field of the request, with what it must be. What is not in this table is refused by name. */
export const FIELDS: Readonly<Record<string, Rule>> = {
  model: name(MODEL_NAME_LIMIT_CHARACTERS),
  messages,
  audio: object,
  frequency_penalty: number(-2, 2),
  function_call: functionCall,
  functions: arrayOf(functionDefinition, 1, TOOLS_LIMIT),
  logit_bias: mapOf(number(-100, 100), LOGIT_BIAS_LIMIT, SHORT_STRING_LIMIT_CHARACTERS),
  logprobs: boolean,
  max_completion_tokens: tokens,
  max_tokens: tokens,
  metadata: mapOf(string(METADATA_VALUE_LIMIT_CHARACTERS), METADATA_PAIRS_LIMIT, METADATA_KEY_LIMIT_CHARACTERS),
  modalities: arrayOf(oneOf('text', 'audio'), 1, 2),
  moderation: unsupported('its results have no place in the record of a call.'),
  n: integer(1, CHOICES_LIMIT),
  parallel_tool_calls: boolean,
  prediction: typed(oneOf('content')),
  presence_penalty: number(-2, 2),
  prompt_cache_key: shortText,
  prompt_cache_options: object,
  prompt_cache_retention: oneOf('in_memory', '24h'),
  reasoning_effort: oneOf('none', 'minimal', 'low', 'medium', 'high', 'xhigh', 'max'),
  response_format: responseFormat,
  safety_identifier: shortText,
  seed: integer(-Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER),
  service_tier: oneOf('auto', 'default', 'flex', 'scale', 'priority', 'fast'),
  stop,
  store,
  stream: boolean,
  stream_options: streamOptions,
  temperature: number(0, 2),
  tool_choice: toolChoice,
  tools: arrayOf(tool, 0, TOOLS_LIMIT),
  top_logprobs: integer(0, TOP_LOGPROBS_LIMIT),
  top_p: number(0, 1),
  user: shortText,
  verbosity: oneOf('low', 'medium', 'high'),
  web_search_options: object,
  ...EXTENSION_FIELDS,
};
