import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { otherName, type LengthField } from './length-field.ts';
import { refusesName } from './refused-name.ts';

const error = (message: string, more: object = {}) => ({ error: { message, type: 'invalid_request_error', param: null, code: null, ...more } });
const extra = (...loc: (string | number)[]) => ({ type: 'extra_forbidden', loc, msg: 'Extra inputs are not permitted', input: 100 });

/** What servers say of a field that they do not take; FIELD is its name. */
const NAMES: readonly (readonly [string, number, object])[] = [
  ['OpenAI', 400, error("Unsupported parameter: 'FIELD' is not supported with this model. Use 'OTHER' instead.", { param: 'FIELD', code: 'unsupported_parameter' })],
  ['OpenAI behind a proxy that keeps the words only', 400, error("Unsupported parameter: 'FIELD' is not supported with this model. Use 'OTHER' instead.", { code: 'invalid_request_body' })],
  ['Azure, older versions', 400, error('Unrecognized request argument supplied: FIELD')],
  ['an unknown parameter', 400, error("Unknown parameter: 'FIELD'.", { param: 'FIELD', code: 'unknown_parameter' })],
  ['the parameter beside words without it', 422, error('Extra fields not permitted', { param: 'FIELD' })],
  ['Mistral', 422, { object: 'error', message: { detail: [extra('body', 'FIELD')] }, type: 'invalid_request_error', param: null, code: null }],
  ['Mistral, the list twice', 422, { object: 'Error', detail: [extra('body', 'FIELD')], message: [extra('body', 'FIELD')], type: 'invalid_request_error', code: 3001 }],
  ['Mistral, the list as text', 422, { object: 'error', message: JSON.stringify({ detail: [extra('body', 'FIELD')] }), type: 'internal_error_proxy', param: null, code: '1000' }],
  ['FastAPI', 422, { detail: [extra('body', 'FIELD')] }],
  ['FastAPI with pydantic 1', 422, { detail: [{ loc: ['body', 'FIELD'], msg: 'extra fields not permitted', type: 'value_error.extra' }] }],
  ['vLLM 0.6', 400, { object: 'error', message: "[{'type': 'extra_forbidden', 'loc': ('body', 'FIELD'), 'msg': 'Extra inputs are not permitted', 'input': 8192}]", type: 'BadRequestError', param: null, code: 400 }],
  ['Nebius', 400, { detail: "Invalid request. [{'type': 'extra_forbidden', 'loc': ('body', 'FIELD'), 'msg': 'Extra inputs are not permitted', 'input': 10}]" }],
  ['Fireworks', 400, error("Extra inputs are not permitted, field: 'FIELD', value: 8192")],
  ['Groq', 400, error("property 'FIELD' is unsupported")],
  ['a server in Go', 400, { error: 'json: unknown field "FIELD"' }],
  ['a server in Rust', 422, error('Failed to deserialize the JSON body: unknown field `FIELD`, expected one of `model`, `messages`, `OTHER`, `min_p`')],
  ['a JSON schema', 400, error("Additional properties are not allowed ('FIELD' was unexpected)")],
];

/** What they say of a value, of another field, or of both. */
const OTHERS: readonly (readonly [string, number, object])[] = [
  ['a value that is too large', 400, error('FIELD is too large: 8192. This model supports at most 4096 completion tokens, whereas you provided 8192.', { param: 'FIELD' })],
  ['a value that is too large, with a code', 400, error('FIELD is too large.', { param: 'FIELD', code: 'invalid_value' })],
  ['Groq on a value', 400, error('FIELD must be less than or equal to 40960, the maximum value for FIELD is less than the context_window for this model', { param: 'FIELD' })],
  ['Ark on a value', 400, { error: { code: 'InvalidParameter', message: 'The parameter `FIELD` specified in the request are not valid: integer above maximum value, expected a value <= 12288, but got 32000 instead.', param: 'FIELD', type: 'BadRequest' } }],
  ['a value that is not supported', 400, error("'FIELD' is not supported above 4096.", { param: 'FIELD' })],
  ['an unsupported value', 400, error("Unsupported value: 'FIELD' does not support 0.5 with this model.", { param: 'FIELD', code: 'unsupported_value' })],
  ['a value of the wrong type', 422, { detail: [{ type: 'int_type', loc: ['body', 'FIELD'], msg: 'Input should be a valid integer', input: 'x' }] }],
  ['a value out of bounds', 422, { detail: [{ type: 'greater_than_equal', loc: ['body', 'FIELD'], msg: 'Input should be greater than or equal to 0', input: -1 }] }],
  ['a context that is too long', 400, error("This model's maximum context length is 8192 tokens. However, you requested 8256 tokens (64 in the messages, 8192 in FIELD).", { param: 'messages', code: 'context_length_exceeded' })],
  ['another parameter', 400, error("Unsupported parameter: 'top_p' is not supported with this model.", { param: 'top_p', code: 'unsupported_parameter' })],
  ['another parameter, by words that name this one too', 400, error("Unknown parameter: 'seed'; did you mean 'FIELD'?", { param: 'seed' })],
  ['the other name', 400, error("Unsupported parameter: 'OTHER' is not supported with this model. Use 'FIELD' instead.", { param: 'OTHER', code: 'unsupported_parameter' })],
  ['the other name, in words', 400, error('Unrecognized request argument supplied: OTHER')],
  ['the same name elsewhere', 422, { detail: [extra('body', 'messages', 0, 'FIELD')] }],
  ['a longer name', 400, error("Unknown parameter: 'FIELD_each'.")],
  ['a member of another field', 400, error("Unknown parameter: 'FIELD.low'.")],
  ['a second fault, which stays', 422, { detail: [extra('body', 'store'), extra('body', 'FIELD')] }],
  ['no words', 400, {}],
  ['another status', 500, error("Unknown parameter: 'FIELD'.", { param: 'FIELD', code: 'unknown_parameter' })],
  ['a refused credential', 401, error("Unknown parameter: 'FIELD'.", { param: 'FIELD', code: 'unknown_parameter' })],
];

const said = (name: LengthField, body: object): string => JSON.stringify(body).replaceAll('FIELD', name).replaceAll('OTHER', otherName(name));

describe.each(['max_tokens', 'max_completion_tokens'] as const)('a refusal of %s', (name) => {
  it.each(NAMES)('for its name is known from %s', (_, status, body) => {
    expect(refusesName(name, status, said(name, body))).toBe(true);
    expect(refusesName(otherName(name), status, said(name, body))).toBe(false);
  });

  it.each(OTHERS)('is none: %s', (_, status, body) => {
    expect(refusesName(name, status, said(name, body))).toBe(false);
  });

  it('is not seen in what is no JSON object, and nothing that a server sends can break the look at it', () => {
    for (const body of ['', 'null', '[]', `Unknown parameter: '${name}'`]) expect(refusesName(name, 400, body)).toBe(false);
    const odd = fc.oneof(fc.json(), fc.string(), fc.record({ error: fc.jsonValue(), detail: fc.jsonValue(), message: fc.jsonValue() }).map((body) => JSON.stringify(body)));
    fc.assert(fc.property(odd, (body) => typeof refusesName(name, 400, body) === 'boolean'));
  });
});
