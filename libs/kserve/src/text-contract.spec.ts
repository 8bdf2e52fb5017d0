import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { describe, expect, it } from '@jest/globals';
import { ServiceError } from '@sluice/errors';
import { ModelInferRequestSchema, ModelInferResponseSchema, ModelStreamInferResponseSchema } from '@sluice/proto/kserve';
import fc from 'fast-check';
import {
  boolParameter,
  decodeStreamError,
  decodeTextRequest,
  decodeTextResponse,
  encodeStreamError,
  encodeTensor,
  encodeTextRequest,
  encodeTextResponse,
  type TextRequest,
  type TextResponse,
} from './index.ts';

const wholeText = fc.string({ unit: 'binary', maxLength: 60 }).map((text) => text.toWellFormed());
const stop = fc.array(fc.string({ minLength: 1, maxLength: 8 }), { maxLength: 4 });

const sampling = fc.record(
  {
    temperature: fc.double({ min: 0, max: 2, noNaN: true }).map((value) => Math.abs(value)),
    top_k: fc.integer({ min: -1, max: 1000 }),
    seed: fc.maxSafeInteger(),
    max_tokens: fc.integer({ min: 0, max: 5000 }),
    stop,
    logit_bias: fc.dictionary(fc.nat({ max: 50_000 }).map(String), fc.integer({ min: -100, max: 100 }), { noNullPrototype: true }),
    logprobs: fc.integer({ min: 0, max: 20 }),
    guided_decoding: fc.constantFrom({ json_object: true as const }, { json: { type: 'object', properties: { a: { type: 'string' } } } }),
  },
  { requiredKeys: [] },
);

const request: fc.Arbitrary<TextRequest> = fc.record({
  model: fc.string({ minLength: 1 }).map((text) => text.toWellFormed()),
  version: fc.constantFrom('', '1'),
  id: fc.uuid(),
  textInput: wholeText,
  stream: fc.boolean(),
  sampling,
  excludeInputInOutput: fc.boolean(),
  returnFinishReason: fc.boolean(),
  returnInputTokens: fc.boolean(),
  returnOutputTokens: fc.boolean(),
  returnLogprobs: fc.boolean(),
});

describe('text request', () => {
  it('is the same on both sides of the wire', () => {
    fc.assert(
      fc.property(request, (given) => {
        const message = create(ModelInferRequestSchema, encodeTextRequest(given));
        expect(decodeTextRequest(fromBinary(ModelInferRequestSchema, toBinary(ModelInferRequestSchema, message)))).toEqual(given);
      }),
    );
  });

  it('may come with typed contents, and takes the defaults of the contract for what is absent', () => {
    const message = create(ModelInferRequestSchema, {
      modelName: 'm',
      inputs: [
        { name: 'text_input', datatype: 'BYTES', shape: [1n], contents: { bytesContents: [Buffer.from('hé')] } },
        { name: 'stream', datatype: 'BOOL', shape: [1n], contents: { boolContents: [true] } },
      ],
    });
    expect(decodeTextRequest(message)).toMatchObject({ textInput: 'hé', stream: true, excludeInputInOutput: true, sampling: {}, returnFinishReason: false });
  });

  const text = { name: 'text_input', datatype: 'BYTES', shape: [1n] };
  const hello = encodeTensor('BYTES', [Buffer.from('hello')]);
  const withSampling = (json: string) => ({
    inputs: [text, { name: 'sampling_parameters', datatype: 'BYTES', shape: [1n] }],
    rawInputContents: [hello, encodeTensor('BYTES', [Buffer.from(json)])],
  });

  it.each([
    ['no prompt', {}, 'missing_required_parameter', 'text_input'],
    ['an unknown input', { inputs: [text, { name: 'image', datatype: 'BYTES', shape: [1n] }], rawInputContents: [hello, hello] }, 'unknown_parameter', 'image'],
    ['two prompts', { inputs: [text], rawInputContents: [encodeTensor('BYTES', [Buffer.from('a'), Buffer.from('b')])] }, 'invalid_value', 'text_input'],
    ['bytes that are no text', { inputs: [text], rawInputContents: [encodeTensor('BYTES', [Uint8Array.of(0xff)])] }, 'invalid_value', 'text_input'],
    ['a wrong datatype', { inputs: [{ ...text, datatype: 'FP32' }], rawInputContents: [hello] }, 'invalid_type', 'text_input'],
    ['raw and typed data at once', { inputs: [{ ...text, contents: { bytesContents: [] } }], rawInputContents: [hello] }, 'invalid_value', 'text_input'],
    ['missing raw data', { inputs: [text, text], rawInputContents: [hello] }, 'invalid_value', 'raw_input_contents'],
    ['sampling that is no JSON', withSampling('{'), 'invalid_json', 'sampling_parameters'],
    ['an unknown sampling parameter', withSampling('{"best_of":2}'), 'unsupported_parameter', 'best_of'],
    ['a temperature that is too high', withSampling('{"temperature":3}'), 'invalid_value', 'temperature'],
    ['a temperature that is text', withSampling('{"temperature":"1"}'), 'invalid_type', 'temperature'],
    ['an empty stop string', withSampling('{"stop":[""]}'), 'invalid_value', 'stop'],
    ['a bias for no token', withSampling('{"logit_bias":{"a":1}}'), 'invalid_value', 'logit_bias'],
    ['a guide that is not supported', withSampling('{"guided_decoding":{"regex":"a"}}'), 'unsupported_parameter', 'guided_decoding'],
  ])('refuses %s by name', (_, init, code, param) => {
    let thrown: unknown;
    try {
      decodeTextRequest(create(ModelInferRequestSchema, init as never));
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toMatchObject({ code, param });
  });
});

const logprob = fc.double({ min: -50, max: 0, noNaN: true }).map((value) => value + 0);
const steps = fc.array(
  fc
    .record({ ids: fc.uniqueArray(fc.nat({ max: 50_000 }), { minLength: 4, maxLength: 4 }), chosen: fc.nat({ max: 3 }), logprob, text: wholeText })
    .map(({ ids, chosen, logprob: p, text }) => ({ token: ids[chosen]!, text, logprob: p, top: ids.slice(0, 3).map((token) => ({ token, text, logprob: p })) })),
  { maxLength: 4 },
);

const response: fc.Arbitrary<TextResponse> = fc
  .record({ id: fc.uuid(), textOutput: wholeText, inputTokens: fc.nat(), outputTokens: fc.nat(), logprobs: steps, final: fc.boolean() })
  .map((given) => ({ ...given, ...(given.final && { finishReason: 'stop' }) }));

const ALL = { returnFinishReason: true, returnInputTokens: true, returnOutputTokens: true, returnLogprobs: true };

describe('text response', () => {
  it('is the same on both sides of the wire, the chosen token among the likeliest or not', () => {
    fc.assert(
      fc.property(response, (given) => {
        const bytes = toBinary(ModelInferResponseSchema, encodeTextResponse('m', given, ALL));
        const decoded = decodeTextResponse(fromBinary(ModelInferResponseSchema, bytes), 3);
        expect(JSON.parse(JSON.stringify(decoded))).toEqual(JSON.parse(JSON.stringify(given)));
      }),
    );
  });

  it('carries only what was asked for', () => {
    const none = { returnFinishReason: false, returnInputTokens: false, returnOutputTokens: false, returnLogprobs: false };
    const message = encodeTextResponse('m', { id: 'a', textOutput: 'x', finishReason: 'stop', outputTokens: 1, final: true }, none);
    expect(message.outputs.map(({ name }) => name)).toEqual(['text_output']);
  });

  it('ignores the shape, because servers send a scalar where they announce a list', () => {
    const message = encodeTextResponse('m', { id: 'a', textOutput: '', inputTokens: 7, final: false }, ALL);
    for (const output of message.outputs) output.shape = [];
    expect(decodeTextResponse(message).inputTokens).toBe(7);
  });

  it('takes an empty final response as an end without text', () => {
    const message = create(ModelInferResponseSchema, { id: 'a', parameters: { triton_final_response: boolParameter(true) } });
    expect(decodeTextResponse(message)).toEqual({ id: 'a', textOutput: '', final: true });
  });

  it('refuses log-probabilities that do not say what was chosen', () => {
    const message = encodeTextResponse('m', { id: 'a', textOutput: '', final: true }, ALL);
    message.rawOutputContents[4] = encodeTensor('BYTES', [Buffer.from('[{"1":{"logprob":-1,"rank":1,"decoded_token":"a"},"2":{"logprob":-2,"rank":2,"decoded_token":"b"}}]')]);
    expect(() => decodeTextResponse(message, 2)).toThrow('malformed');
  });
});

describe('stream error', () => {
  it('keeps code, param and retry time', () => {
    const error = new ServiceError('overloaded', 'Full.', { param: 'p', retryAfterSeconds: 2 });
    const message = fromBinary(ModelStreamInferResponseSchema, toBinary(ModelStreamInferResponseSchema, encodeStreamError('a', error)));
    expect(message.inferResponse?.id).toBe('a');
    expect(decodeStreamError(message)).toMatchObject({ code: 'overloaded', message: 'Full.', param: 'p', retryAfterSeconds: 2 });
  });

  it.each([
    ['[request id: q16] Exceeds maximum queue size', 'overloaded'],
    ["Request for unknown model: 'x' is not found", 'backend_unavailable'],
    ['Error generating stream: secret prompt', 'upstream_error'],
  ])('reads %s of another server as %s and keeps its text inside', (errorMessage, code) => {
    const error = decodeStreamError(create(ModelStreamInferResponseSchema, { errorMessage }));
    expect(error).toMatchObject({ code });
    expect(error?.message).not.toContain(errorMessage);
  });

  it('is absent from a response that is none', () => {
    expect(decodeStreamError(create(ModelStreamInferResponseSchema, { inferResponse: { id: 'a' } }))).toBeUndefined();
  });
});
