import type { Channel } from '@sluice/proto/chat/v1/chat';
import { CHANNEL } from './contract-numbers.ts';
import { InputPlace, type PlaceFields } from './input-place.ts';
import { SCHEMA_NAMES, SCHEMA_TYPES } from './json-schema-words.ts';

/** Makes places of one channel. Whatever stands where nothing is known of it is a text, with names that the client chose. */
function placesOf(channel: Channel) {
  const free = new InputPlace({ channel });
  const make = (fields: Omit<PlaceFields, 'channel'>): InputPlace => new InputPlace({ channel, others: free, ...fields });
  const membersOf = (members: Readonly<Record<string, InputPlace>>): ReadonlyMap<string, InputPlace> => new Map(Object.entries(members));
  return {
    free,
    textOf: (type: 'text' | 'refusal') => make({ textOf: type }),
    typeOfPart: (words: readonly string[]) => make({ kind: 'fixed', words: new Set(words), isTypeOfPart: true }),
    json: make({ kind: 'json' }),
    fixed: make({ kind: 'fixed' }),
    address: make({ kind: 'address' }),
    data: make({ kind: 'data' }),
    list: (elements: InputPlace) => make({ elements }),
    object: (members: Readonly<Record<string, InputPlace>>) => make({ members: membersOf(members) }),
    /** One of these words; or, in some places, an object. */
    words: (words: readonly string[], members: Readonly<Record<string, InputPlace>> = {}) => make({ kind: 'fixed', words: new Set(words), members: membersOf(members) }),
  };
}

const said = placesOf(CHANNEL.content);
const called = placesOf(CHANNEL.toolArguments);
const calledFunction = placesOf(CHANNEL.functionArguments);
const beside = placesOf(CHANNEL.none);

const linked = said.object({ url: said.address, detail: said.words(['auto', 'low', 'high', 'original']) });

const contentPart = said.object({
  type: said.typeOfPart(['text', 'refusal', 'image_url', 'input_audio', 'file', 'video_url', 'audio_url']),
  id: said.fixed,
  text: said.textOf('text'),
  refusal: said.textOf('refusal'),
  image_url: linked,
  video_url: linked,
  audio_url: linked,
  input_audio: said.object({ data: said.data, format: said.words(['wav', 'mp3']) }),
  file: said.object({ filename: said.free, file_data: said.data, file_id: said.fixed }),
});

const toolCall = called.object({
  id: called.fixed,
  type: called.words(['function', 'custom']),
  index: called.free,
  function: called.object({ name: called.fixed, arguments: called.json }),
  custom: called.object({ name: called.fixed, input: called.free }),
});

const message = said.object({
  role: said.words(['developer', 'system', 'user', 'assistant', 'tool', 'function']),
  content: said.list(contentPart),
  name: said.free,
  id: said.fixed,
  tool_call_id: said.fixed,
  refusal: placesOf(CHANNEL.refusal).free,
  reasoning_content: placesOf(CHANNEL.reasoning).free,
  reasoning: placesOf(CHANNEL.reasoning).free,
  audio: said.object({ id: said.fixed }),
  tool_calls: called.list(toolCall),
  function_call: calledFunction.object({ name: calledFunction.fixed, arguments: calledFunction.json }),
});

/** In a schema the words of JSON Schema stand among names of the client, at any depth. */
function schemaPlace(): InputPlace {
  const members = new Map<string, InputPlace>();
  const schema = new InputPlace({ channel: CHANNEL.none, members });
  for (const name of SCHEMA_NAMES) members.set(name, schema);
  const types = new InputPlace({ channel: CHANNEL.none, words: SCHEMA_TYPES, members, others: schema });
  members.set('type', new InputPlace({ channel: CHANNEL.none, words: SCHEMA_TYPES, members, others: schema, elements: types }));
  return schema;
}

const schema = schemaPlace();
const described = { name: beside.fixed, description: beside.free, strict: beside.free };
const functionDefinition = beside.object({ ...described, parameters: schema });
const customTool = beside.object({
  ...described,
  format: beside.object({
    type: beside.words(['text', 'grammar']),
    grammar: beside.object({ syntax: beside.words(['lark', 'regex']), definition: beside.free }),
  }),
});
const toolType = beside.words(['function', 'custom']);
const named = beside.object({ name: beside.fixed });
const offeredTool = { type: toolType, function: named, custom: named };

const level = beside.words(['none', 'minimal', 'low', 'medium', 'high', 'xhigh', 'max']);

/** Fields of the sampler and of the server: numbers and truth values, of which the gateway checks type and range. */
const PARAMETERS =
  'frequency_penalty presence_penalty repetition_penalty length_penalty temperature top_p top_k top_a min_p typical_p seed logit_bias logprobs top_logprobs ' +
  'max_tokens max_completion_tokens min_tokens truncate_prompt_tokens thinking_budget stop_token_ids priority parallel_tool_calls store';
const parameter = new InputPlace({ channel: CHANNEL.none, isParameter: true });

/** The fields of a call, `messages` among them. What is not named here has no place of its own: all of it is text. */
export const FIELDS: InputPlace = beside.object({
  messages: said.list(message),
  tools: beside.list(beside.object({ type: toolType, function: functionDefinition, custom: customTool })),
  tool_choice: beside.words(['none', 'auto', 'required'], {
    ...offeredTool,
    type: beside.words(['function', 'custom', 'allowed_tools']),
    allowed_tools: beside.object({ mode: beside.words(['auto', 'required']), tools: beside.list(beside.object(offeredTool)) }),
  }),
  functions: beside.list(functionDefinition),
  function_call: beside.words(['none', 'auto'], { name: beside.fixed }),
  response_format: beside.object({
    type: beside.words(['text', 'json_object', 'json_schema']),
    json_schema: beside.object({ ...described, schema }),
  }),
  guided_json: schema,
  prediction: beside.object({ type: beside.words(['content']), content: beside.list(beside.object({ type: beside.typeOfPart(['text']), text: beside.textOf('text') })) }),
  modalities: beside.list(beside.words(['text', 'audio'])),
  audio: beside.object({ voice: beside.fixed, format: beside.words(['wav', 'mp3', 'flac', 'opus', 'pcm16']) }),
  reasoning_effort: level,
  verbosity: level,
  service_tier: beside.words(['auto', 'default', 'flex', 'scale', 'priority', 'fast']),
  prompt_cache_retention: beside.words(['in_memory', '24h']),
  stream_options: beside.object({ include_usage: beside.free, include_obfuscation: beside.free }),
  stop: beside.free,
  user: beside.free,
  metadata: beside.free,
  ...Object.fromEntries(PARAMETERS.split(' ').map((name) => [name, parameter])),
});
