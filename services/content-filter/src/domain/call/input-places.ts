import type { Channel } from '@sluice/proto/chat/v1/chat';
import { CHANNEL } from './contract-numbers.ts';
import type { JsonPath } from './json-literals.ts';

/** What a string of a call is for the filter; `fixed`: a text that a mask would break, so rules can only refuse it. */
export type TextKind = 'text' | 'json' | 'fixed';

/** Members that say how a call is built, not what is said in it: changing them would break it, and media is no text. */
const STRUCTURE = new Set([
  ...['role', 'id', 'type', 'tool_call_id', 'audio.id'].map((member) => `messages.*.${member}`),
  ...['id', 'type'].map((member) => `messages.*.tool_calls.*.${member}`),
  ...['type', 'id', 'image_url', 'image_url.url', 'image_url.detail', 'video_url.url', 'audio_url.url', 'input_audio.data', 'input_audio.format', 'file.file_data', 'file.file_id'].map(
    (member) => `messages.*.content.*.${member}`,
  ),
  ...['type', 'custom.format.type', 'custom.format.grammar.syntax'].map((member) => `tools.*.${member}`),
  'function_call.name',
  'response_format.type',
  'prediction.type',
  'prediction.content.*.type',
  'modalities.*',
  'audio.voice',
  'audio.format',
]);

/** Names that the client gives and the model reads: they are referred to from elsewhere. */
const NAMES = new Set([
  'messages.*.function_call.name', 'messages.*.tool_calls.*.function.name', 'messages.*.tool_calls.*.custom.name',
  'tools.*.function.name', 'tools.*.custom.name', 'functions.*.name', 'response_format.json_schema.name',
]);

/** Fields that choose among fixed words, or name what the client offered itself. */
const STRUCTURE_FIELDS = new Set(['tool_choice', 'reasoning_effort', 'service_tier', 'verbosity', 'stream_options', 'prompt_cache_retention', 'logit_bias']);

/** What the words of the API stand in. Below other paths the client chooses the names. */
const API_FIELDS = new Set(['messages', 'tools', 'functions', 'function_call', 'response_format', 'prediction', 'modalities', 'audio', 'stop', 'user', 'web_search_options']);
const FREE_WITHIN = ['tools.*.function.parameters', 'functions.*.parameters', 'response_format.json_schema.schema'];

/** JSON Schema, 2020-12 and draft 7: words of its own that stand where names of a client stand too. */
const SCHEMA_NAMES = new Set(
  (
    'type properties required items description title enum const default examples format pattern additionalProperties patternProperties propertyNames ' +
    'anyOf oneOf allOf not if then else $ref $defs definitions $schema $id $comment $anchor minimum maximum exclusiveMinimum exclusiveMaximum multipleOf ' +
    'minLength maxLength minItems maxItems uniqueItems prefixItems contains minContains maxContains minProperties maxProperties dependentRequired ' +
    'dependentSchemas unevaluatedItems unevaluatedProperties nullable deprecated readOnly writeOnly contentEncoding contentMediaType'
  ).split(' '),
);
const SCHEMA_TYPES = new Set(['string', 'number', 'integer', 'boolean', 'object', 'array', 'null']);

const ARGUMENTS = new Set(['messages.*.tool_calls.*.function.arguments', 'messages.*.function_call.arguments']);

/** What is known of a string by where it stands. */
export interface InputPlace {
  /** How a value here is looked at; undefined when it is none that says something. */
  readonly value: TextKind | undefined;
  /** A value here may be a type that JSON Schema knows, which says nothing. */
  readonly mayBeSchemaType: boolean;
  /** The names of an object here are chosen by the client. */
  readonly hasFreeNames: boolean;
  readonly channel: Channel;
  /** A part of a message's content that is text: the model reads the parts of one message one behind the other. */
  readonly isTextPart: boolean;
}

export function inputPlaceOf({ text: path }: JsonPath): InputPlace {
  const isFree = isFreePath(path);
  return {
    value: ARGUMENTS.has(path) ? 'json' : NAMES.has(path) ? 'fixed' : STRUCTURE.has(path) || STRUCTURE_FIELDS.has(fieldOf(path)) ? undefined : 'text',
    mayBeSchemaType: isFree && path.endsWith('.type'),
    hasFreeNames: isFree,
    channel: inputChannelOf(path),
    isTextPart: path === 'messages.*.content.*.text',
  };
}

/** Whether a name that a client may choose is one of JSON Schema's own. */
export function isSchemaName(name: string): boolean {
  return SCHEMA_NAMES.has(name);
}

export function isSchemaType(text: string): boolean {
  return SCHEMA_TYPES.has(text);
}

/** The channel of a string of the messages; other fields have none. */
function inputChannelOf(path: string): Channel {
  if (!path.startsWith('messages.')) return CHANNEL.none;
  if (path === 'messages.*.refusal') return CHANNEL.refusal;
  if (path === 'messages.*.reasoning_content' || path === 'messages.*.reasoning') return CHANNEL.reasoning;
  if (path.startsWith('messages.*.tool_calls')) return CHANNEL.toolArguments;
  if (path.startsWith('messages.*.function_call')) return CHANNEL.functionArguments;
  return CHANNEL.content;
}

function isFreePath(path: string): boolean {
  return !API_FIELDS.has(fieldOf(path)) || FREE_WITHIN.some((root) => path === root || path.startsWith(`${root}.`));
}

function fieldOf(path: string): string {
  const dot = path.indexOf('.');
  return dot < 0 ? path : path.slice(0, dot);
}
