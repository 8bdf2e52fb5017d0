import { ServiceError } from '@sluice/errors';
import type { GuidedDecoding, SamplingParameters } from '@sluice/kserve';
import type { Field } from '@sluice/proto/chat/v1/chat';

/** More tokens than any context has; the engine ends the answer where its context ends. */
const MAX_TOKENS_LIMIT = 2 ** 31 - 1;

type Mutable = { -readonly [K in keyof SamplingParameters]: SamplingParameters[K] };
type Reader = (value: unknown, sampling: Mutable) => void;

/** The same name and meaning on both sides; the engine checks the range. */
const copied = (name: keyof SamplingParameters): Reader => (value, sampling) => void Object.assign(sampling, { [name]: value });

const ignored: Reader = () => undefined;

/** Harmless with this value, which asks for nothing that a text model lacks; refused with any other. */
const only = (name: string, ...allowed: readonly unknown[]): Reader => (value) => {
  if (!allowed.some((one) => JSON.stringify(one) === JSON.stringify(value))) throw unsupported(name);
};

const maxTokens: Reader = (value, sampling) => void (sampling.max_tokens = Math.min(Number(value), MAX_TOKENS_LIMIT));

const FIELDS: Readonly<Record<string, Reader>> = {
  temperature: copied('temperature'),
  top_p: copied('top_p'),
  top_k: copied('top_k'),
  min_p: copied('min_p'),
  seed: copied('seed'),
  frequency_penalty: copied('frequency_penalty'),
  presence_penalty: copied('presence_penalty'),
  repetition_penalty: copied('repetition_penalty'),
  logit_bias: copied('logit_bias'),
  stop: (value, sampling) => void (sampling.stop = Array.isArray(value) ? (value as string[]) : [value as string]),
  max_tokens: maxTokens,
  max_completion_tokens: maxTokens,
  logprobs: (value, sampling) => void (value === true && (sampling.logprobs ??= 0)),
  top_logprobs: (value, sampling) => void (sampling.logprobs = Number(value)),
  response_format: (value, sampling) => {
    const guided = guidedBy(value);
    if (guided) sampling.guided_decoding = guided;
  },
  // Hints, and what the platform itself deals with.
  stream_options: ignored,
  user: ignored,
  metadata: ignored,
  service_tier: ignored,
  safety_identifier: ignored,
  prompt_cache_key: ignored,
  prompt_cache_options: ignored,
  prompt_cache_retention: ignored,
  parallel_tool_calls: ignored,
  priority: ignored,
  cache_salt: ignored,
  store: only('store', false),
  modalities: only('modalities', ['text']),
  reasoning_effort: only('reasoning_effort', 'none'),
  verbosity: only('verbosity', 'medium'),
  tools: only('tools', []),
  tool_choice: only('tool_choice', 'none', 'auto'),
  function_call: only('function_call', 'none', 'auto'),
  skip_special_tokens: only('skip_special_tokens', true),
  add_generation_prompt: only('add_generation_prompt', true),
};

/**
 * The fields of a chat as sampling parameters. What this backend cannot do is refused by the field's name: an answer
 * that quietly ignores what was asked would be worse than none.
 */
export function readChatFields(fields: readonly Field[]): SamplingParameters {
  const values = new Map(fields.map(({ name, json }) => [name, JSON.parse(Buffer.from(json).toString('utf8')) as unknown]));
  // Tools that must not be called need not be known.
  if (values.get('tool_choice') === 'none') values.delete('tools');
  const sampling: Mutable = {};
  for (const [name, value] of values) {
    if (value === null) continue;
    const read = Object.hasOwn(FIELDS, name) ? FIELDS[name] : undefined;
    if (!read) throw unsupported(name);
    read(value, sampling);
  }
  return sampling;
}

function guidedBy(format: unknown): GuidedDecoding | undefined {
  const { type, json_schema: described } = format as { readonly type?: unknown; readonly json_schema?: { readonly schema?: unknown } };
  if (type === 'text') return undefined;
  if (type === 'json_object') return { json_object: true };
  if (type === 'json_schema') return described?.schema === undefined ? { json_object: true } : { json: described.schema };
  throw unsupported('response_format');
}

function unsupported(name: string): ServiceError {
  return new ServiceError('unsupported_parameter', `This model does not support '${name}' as it is given.`, { param: name });
}

/** Where the client finds the fault that the engine found in what became of its fields. */
const CLIENT_NAMES = new Map([['text_input', 'messages'], ['guided_decoding', 'response_format']]);

/** An engine's refusal in the client's words; everything else as it is. */
export function inClientTerms(error: ServiceError, fields: readonly Field[]): ServiceError {
  if (error.param === undefined) return error;
  const isNewName = error.param === 'max_tokens' && fields.some(({ name }) => name === 'max_completion_tokens');
  const param = isNewName ? 'max_completion_tokens' : (CLIENT_NAMES.get(error.param) ?? error.param);
  return new ServiceError(error.code, error.message, { param, ...(error.cause !== undefined && { cause: error.cause }), ...(error.retryAfterSeconds !== undefined && { retryAfterSeconds: error.retryAfterSeconds }) });
}
