import { ServiceError } from '@sluice/errors';

/**
 * `sampling_parameters` of the text contract: the names and meanings of vLLM's SamplingParams.
 * What is absent takes the engine's default.
 */
export interface SamplingParameters {
  /** 0 chooses the likeliest token. */
  readonly temperature?: number;
  readonly top_p?: number;
  /** 0 or -1: all tokens. */
  readonly top_k?: number;
  readonly min_p?: number;
  readonly seed?: number;
  /** 0 asks for no text at all: a server that takes it counts the prompt and is done. Triton's vLLM backend refuses it. */
  readonly max_tokens?: number;
  readonly stop?: readonly string[];
  readonly frequency_penalty?: number;
  readonly presence_penalty?: number;
  readonly repetition_penalty?: number;
  /** Added to the logits, by token id. */
  readonly logit_bias?: Readonly<Record<string, number>>;
  /** How many of the likeliest tokens come with each chosen token; 0 gives the chosen token alone. */
  readonly logprobs?: number;
  readonly guided_decoding?: GuidedDecoding;
}

/** Forces the answer into JSON: any object, or one that a JSON Schema describes. */
export type GuidedDecoding = { readonly json_object: true } | { readonly json: unknown };

const NUMBERS: Readonly<Record<string, readonly [minimum: number, maximum: number, integer: boolean]>> = {
  temperature: [0, 2, false],
  top_p: [0, 1, false],
  top_k: [-1, 2 ** 31 - 1, true],
  min_p: [0, 1, false],
  seed: [Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER, true],
  max_tokens: [0, 2 ** 31 - 1, true],
  frequency_penalty: [-2, 2, false],
  presence_penalty: [-2, 2, false],
  repetition_penalty: [0.01, 10, false],
  logprobs: [0, 20, true],
};

/** OpenAI allows four; a bound keeps the search for them cheap. */
const STOP_STRINGS_LIMIT = 16;
const STOP_STRING_LENGTH_LIMIT = 1024;
/** OpenAI's own bound on `logit_bias`. */
const LOGIT_BIAS_ENTRIES_LIMIT = 1024;
const LOGIT_BIAS_LIMIT = 100;

/** Reads the JSON of the tensor; refuses by name what is unknown, of the wrong type or out of range. */
export function parseSamplingParameters(json: string): SamplingParameters {
  const given = parseJson(json, 'sampling_parameters');
  if (!isObject(given)) throw new ServiceError('invalid_type', "'sampling_parameters' must be a JSON object.", { param: 'sampling_parameters' });
  const entries = Object.entries(given).filter(([, value]) => value !== null);
  return Object.fromEntries(entries.map(([name, value]) => [name, parseOne(name, value)]));
}

/** The JSON of the tensor. */
export function writeSamplingParameters(sampling: SamplingParameters): string {
  const { guided_decoding: guided, ...plain } = sampling;
  return JSON.stringify({ ...plain, ...(guided && { guided_decoding: JSON.stringify(guided) }) });
}

function parseJson(json: string, name: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    throw new ServiceError('invalid_json', `'${name}' is not valid JSON.`, { param: name });
  }
}

function parseOne(name: string, value: unknown): unknown {
  if (Object.hasOwn(NUMBERS, name)) return parseNumber(name, value);
  if (name === 'stop') return parseStop(value);
  if (name === 'logit_bias') return parseLogitBias(value);
  if (name === 'guided_decoding') return parseGuidedDecoding(value);
  throw new ServiceError('unsupported_parameter', `The sampling parameter '${name.slice(0, 64)}' is not supported.`, { param: name.slice(0, 64) });
}

function parseNumber(name: string, value: unknown): number {
  const [minimum, maximum, integer] = NUMBERS[name]!;
  if (typeof value !== 'number' || (integer && !Number.isInteger(value))) {
    throw new ServiceError('invalid_type', `'${name}' must be ${integer ? 'an integer' : 'a number'}.`, { param: name });
  }
  if (value < minimum || value > maximum) throw new ServiceError('invalid_value', `'${name}' must be between ${minimum} and ${maximum}.`, { param: name });
  return value;
}

function parseStop(value: unknown): string[] {
  const list: unknown[] = Array.isArray(value) ? value : [value];
  if (list.length > STOP_STRINGS_LIMIT) throw new ServiceError('invalid_value', `'stop' takes at most ${STOP_STRINGS_LIMIT} strings.`, { param: 'stop' });
  return list.map((item) => {
    if (typeof item !== 'string') throw new ServiceError('invalid_type', "'stop' must be a string or a list of strings.", { param: 'stop' });
    if (item === '' || item.length > STOP_STRING_LENGTH_LIMIT) {
      throw new ServiceError('invalid_value', `A string of 'stop' must have 1 to ${STOP_STRING_LENGTH_LIMIT} characters.`, { param: 'stop' });
    }
    return item;
  });
}

function parseLogitBias(value: unknown): Record<string, number> {
  const refuse = (what: string): ServiceError => new ServiceError('invalid_value', `'logit_bias' ${what}.`, { param: 'logit_bias' });
  if (!isObject(value)) throw new ServiceError('invalid_type', "'logit_bias' must map token ids to numbers.", { param: 'logit_bias' });
  const entries = Object.entries(value);
  if (entries.length > LOGIT_BIAS_ENTRIES_LIMIT) throw refuse(`takes at most ${LOGIT_BIAS_ENTRIES_LIMIT} tokens`);
  for (const [token, bias] of entries) {
    if (!/^\d{1,9}$/.test(token)) throw refuse('must have token ids as keys');
    if (typeof bias !== 'number' || Math.abs(bias) > LOGIT_BIAS_LIMIT) throw refuse(`must have numbers between -${LOGIT_BIAS_LIMIT} and ${LOGIT_BIAS_LIMIT} as values`);
  }
  return Object.fromEntries(entries) as Record<string, number>;
}

/** An object, or the text of one: servers of both kinds exist, and all of them read the text. */
function parseGuidedDecoding(given: unknown): GuidedDecoding {
  const value = typeof given === 'string' ? parseJson(given, 'guided_decoding') : given;
  if (isObject(value) && Object.keys(value).length === 1) {
    if (value.json_object === true) return { json_object: true };
    if (isObject(value.json)) return { json: value.json };
  }
  throw new ServiceError('unsupported_parameter', "'guided_decoding' supports 'json' (a schema) and 'json_object'.", { param: 'guided_decoding' });
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
