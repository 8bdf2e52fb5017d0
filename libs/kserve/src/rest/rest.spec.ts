import { create } from '@bufbuild/protobuf';
import { describe, expect, it } from '@jest/globals';
import { ModelInferResponseSchema, type ModelInferResponse } from '@sluice/proto/kserve';
import fc from 'fast-check';
import { jsonOutputsOf, readRestRequest } from './rest-request.ts';
import { writeRestResponse } from './rest-response.ts';
import { JSON_ELEMENTS_LIMIT } from './tensor-json.ts';

const MIB = 1024 * 1024;
const JSON_ALONE = { byDefault: false, named: new Map() };
const body = (json: unknown, ...binary: Uint8Array[]): [Buffer, number] => {
  const text = Buffer.from(typeof json === 'string' ? json : JSON.stringify(json));
  return [Buffer.concat([text, ...binary]), text.length];
};
const read = (json: unknown, ...binary: Uint8Array[]) => readRestRequest(...body(json, ...binary), MIB);
const input = (more: object) => ({ inputs: [{ name: 'x', datatype: 'FP32', shape: [2], ...more }] });
const codeOf = (run: () => unknown): string => {
  try {
    run();
  } catch (thrown) {
    return (thrown as { code?: string }).code ?? String(thrown);
  }
  return 'none';
};

const WHOLE = { UINT8: [0, 255], UINT16: [0, 65_535], UINT32: [0, 2 ** 32 - 1], INT8: [-128, 127], INT16: [-32_768, 32_767], INT32: [-(2 ** 31), 2 ** 31 - 1] } as const;
const tensor = fc.oneof(
  ...Object.entries(WHOLE).map(([datatype, [min, max]]) => fc.array(fc.integer({ min, max })).map((data) => ({ datatype, json: JSON.stringify(data), data: data.map(String) }))),
  fc.array(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })).map((data) => ({ datatype: 'INT64', json: `[${data.join(',')}]`, data: data.map(String) })),
  fc.array(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n })).map((data) => ({ datatype: 'UINT64', json: `[${data.join(',')}]`, data: data.map(String) })),
  fc.array(fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => value + 0)).map((data) => ({ datatype: 'FP64', json: JSON.stringify(data), data: data.map((value) => JSON.stringify(value)) })),
  fc.array(fc.boolean()).map((data) => ({ datatype: 'BOOL', json: JSON.stringify(data), data: data.map(String) })),
  fc.array(fc.string({ unit: 'grapheme' })).map((data) => ({ datatype: 'BYTES', json: JSON.stringify(data), data: data.map((value) => JSON.stringify(value)) })),
);

/** What a server answers that gives each input back. */
function echo({ request }: ReturnType<typeof read>): ModelInferResponse {
  return create(ModelInferResponseSchema, { modelName: 'm', modelVersion: '1', id: request.id, outputs: request.inputs.map(({ name, datatype, shape }) => ({ name, datatype, shape })), rawOutputContents: request.rawInputContents });
}

describe('KServe v2 over HTTP', () => {
  it('carries every element of every datatype as it is, through the raw form and back', () => {
    fc.assert(fc.property(tensor, ({ datatype, json, data }) => {
      const request = read(`{"id":"r1","inputs":[{"name":"x","datatype":"${datatype}","shape":[${data.length}],"data":${json}}]}`);
      const { body: answered, jsonBytes } = writeRestResponse(echo(request), JSON_ALONE);
      expect(jsonBytes).toBeUndefined();
      const text = Buffer.from(answered).toString();
      expect(text).toContain('"id":"r1"');
      expect(text.slice(text.indexOf('"data":['))).toBe(`"data":[${data.join(',')}]}]}`);
    }), { numRuns: 300 });
  });

  it.each<[string, object, string[] | undefined]>([
    ['all', {}, []],
    ['none', { parameters: { binary_data_output: true } }, undefined],
    ['those that are named', { outputs: [{ name: 'a' }, { name: 'b', parameters: { binary_data: true } }] }, ['a']],
    ['none of those that are named', { outputs: [{ name: 'b', parameters: { binary_data: true } }] }, undefined],
    ['what is wanted otherwise than all', { parameters: { binary_data_output: true }, outputs: [{ name: 'a', parameters: { binary_data: false } }, { name: 'b' }] }, ['a']],
  ])('says which outputs are wanted as JSON: %s', (_what, more, names) => {
    expect(jsonOutputsOf(read({ ...input({ data: [1, 2] }), ...more }))).toEqual(names);
  });

  it('takes binary data behind the JSON, in the order of the inputs, and gives them back so', () => {
    fc.assert(fc.property(fc.array(fc.uint8Array({ maxLength: 20 }), { minLength: 1, maxLength: 4 }), (all) => {
      const inputs = all.map((raw, at) => ({ name: `x${at}`, datatype: 'UINT8', shape: [raw.length], parameters: { binary_data_size: raw.length, priority: 1 } }));
      const given = read({ parameters: { binary_data_output: true }, inputs, outputs: [{ name: 'x0', parameters: { binary_data: true } }] }, ...all);
      expect(given.request.inputs.map(({ parameters }) => Object.keys(parameters))).toEqual(all.map(() => ['priority']));
      expect(given.wanted).toEqual({ byDefault: true, named: new Map([['x0', true]]) });
      const { body: answered, jsonBytes } = writeRestResponse(echo(given), given.wanted);
      expect(Buffer.from(answered).subarray(jsonBytes).equals(Buffer.concat(all))).toBe(true);
      const { outputs } = JSON.parse(Buffer.from(answered).subarray(0, jsonBytes).toString()) as { outputs: { parameters: { binary_data_size: number } }[] };
      expect(outputs.map(({ parameters }) => parameters.binary_data_size)).toEqual(all.map(({ length }) => length));
    }));
  });

  it('takes nested data as deep as their shape, row by row', () => {
    const { request } = read({ inputs: [{ name: 'x', datatype: 'UINT8', shape: [2, 2], data: [[1, 2], [3, 4]] }] });
    expect([...request.rawInputContents[0]!]).toEqual([1, 2, 3, 4]);
    expect(codeOf(() => read({ inputs: [{ name: 'x', datatype: 'UINT8', shape: [1], data: [[1]] }] }))).toBe('invalid_value');
  });

  it.each<[string, () => unknown, string]>([
    ['no JSON', () => read('{"inputs":'), 'invalid_json'],
    ['bytes that are no UTF-8', () => readRestRequest(Buffer.from([0xff]), undefined, MIB), 'invalid_json'],
    ['a list', () => read([]), 'invalid_type'],
    ['no inputs', () => read({ inputs: [] }), 'missing_required_parameter'],
    ['inputs that are none', () => read({ inputs: [7] }), 'invalid_type'],
    ['too few elements', () => read(input({ data: [1] })), 'invalid_value'],
    ['too many elements', () => read(input({ data: [1, 2, 3] })), 'invalid_value'],
    ['a negative dimension', () => read(input({ shape: [-1], data: [] })), 'invalid_value'],
    ['half a dimension', () => read(input({ shape: [1.5], data: [1] })), 'invalid_value'],
    ['a shape without end', () => read(input({ shape: [2 ** 40, 2 ** 40], data: [] })), 'invalid_value'],
    ['more than the limit', () => read(input({ shape: [MIB], data: [] })), 'request_too_large'],
    ['more than the limit in all', () => read({ inputs: [1, 2].map((at) => ({ name: `x${at}`, datatype: 'UINT8', shape: [600_000], parameters: { binary_data_size: 600_000 } })) }, Buffer.alloc(1_200_000)), 'request_too_large'],
    ['an unknown datatype', () => read(input({ datatype: 'FP128', data: [1, 2] })), 'invalid_value'],
    ['halves in JSON', () => read(input({ datatype: 'FP16', data: [1, 2] })), 'invalid_value'],
    ['text as a number', () => read(input({ data: ['1', '2'] })), 'invalid_value'],
    ['a number as text', () => read(input({ datatype: 'BYTES', data: [1, 2] })), 'invalid_value'],
    ['a number that the datatype does not hold', () => read(input({ datatype: 'INT8', data: [1, 300] })), 'invalid_value'],
    ['a null', () => read(input({ data: [1, null] })), 'invalid_value'],
    ['neither data nor a size', () => read(input({})), 'invalid_value'],
    ['both', () => read(input({ data: [1, 2], parameters: { binary_data_size: 8 } }), Buffer.alloc(8)), 'invalid_value'],
    ['binary data that are cut off', () => read(input({ parameters: { binary_data_size: 8 } }), Buffer.alloc(7)), 'invalid_value'],
    ['binary data that nobody announced', () => read(input({ parameters: { binary_data_size: 8 } }), Buffer.alloc(9)), 'invalid_value'],
    ['a size that lies', () => read(input({ parameters: { binary_data_size: 4 } }), Buffer.alloc(4)), 'invalid_value'],
    ['a negative size', () => read(input({ parameters: { binary_data_size: -8 } }), Buffer.alloc(8)), 'invalid_value'],
    ['a size that is no number', () => read(input({ parameters: { binary_data_size: '8' } }), Buffer.alloc(8)), 'invalid_type'],
    ['BYTES whose lengths lie', () => read({ inputs: [{ name: 'x', datatype: 'BYTES', shape: [1], parameters: { binary_data_size: 4 } }] }, Buffer.from([9, 0, 0, 0])), 'invalid_value'],
    ['BYTES that are more than the shape says', () => read({ inputs: [{ name: 'x', datatype: 'BYTES', shape: [1], parameters: { binary_data_size: 8 } }] }, Buffer.alloc(8)), 'invalid_value'],
    ['two inputs of one name', () => read({ inputs: [1, 2].map(() => ({ name: 'x', datatype: 'UINT8', shape: [1], data: [1] })) }), 'invalid_value'],
    ['an object as a parameter', () => read({ ...input({ data: [1, 2] }), parameters: { a: {} } }), 'invalid_type'],
    ['a JSON that should be binary', () => read(`{"id":"${' '.repeat(MIB)}"}`), 'request_too_large'],
    ['an integer beyond 64 bits', () => read('{"inputs":[{"name":"x","datatype":"INT64","shape":[1],"data":[9223372036854775808]}]}'), 'invalid_value'],
    ['a wide integer as a text', () => read('{"inputs":[{"name":"x","datatype":"FP32","shape":[1],"data":["12345678901234567890"]}]}'), 'invalid_value'],
    ['a long id', () => read({ id: 'i'.repeat(129), ...input({ data: [1, 2] }) }), 'invalid_value'],
    ['a JSON that is longer than the body', () => readRestRequest(Buffer.from('{}'), 3, MIB), 'invalid_value'],
    ['a JSON of no length', () => readRestRequest(Buffer.from('{}'), Number.NaN, MIB), 'invalid_value'],
  ])('refuses %s', (_what, run, code) => expect(codeOf(run)).toBe(code));

  it('survives whatever stands in a body', () => {
    fc.assert(fc.property(fc.oneof(fc.uint8Array(), fc.json().map((json) => Buffer.from(json)), fc.record({ inputs: fc.array(fc.record({ name: fc.string(), datatype: fc.constantFrom('FP32', 'BYTES', 'INT64', 'X'), shape: fc.anything(), data: fc.anything(), parameters: fc.anything() })) }).map((json) => Buffer.from(JSON.stringify(json) ?? ''))), fc.option(fc.integer(), { nil: undefined }), (bytes, length) => {
      expect(codeOf(() => readRestRequest(bytes, length, MIB))).toMatch(/^(none|invalid_json|invalid_type|invalid_value|missing_required_parameter|request_too_large)$/);
    }), { numRuns: 500 });
  });

  it('keeps wide integers of parameters, and texts of digits as texts', () => {
    const { request } = read('{"id":"12345678901234567890","parameters":{"seed":9223372036854775807},"inputs":[{"name":"x","datatype":"BYTES","shape":[2],"data":["12345678901234567890","a\\"12345678901234567890"]}]}');
    expect([request.id, request.parameters['seed']!.parameterChoice.value]).toEqual(['12345678901234567890', 2n ** 63n - 1n]);
    expect(Buffer.from(request.rawInputContents[0]!).toString()).toContain('a"12345678901234567890');
  });

  it('says which output JSON has no form for', () => {
    const answer = (datatype: string, raw: Uint8Array) => create(ModelInferResponseSchema, { outputs: [{ name: 'y', datatype, shape: [1n] }], rawOutputContents: [raw] });
    for (const [datatype, raw] of [['FP16', Buffer.alloc(2)], ['FP32', Buffer.from([0, 0, 0xc0, 0x7f])], ['BYTES', Buffer.from([1, 0, 0, 0, 0xff])]] as const) {
      expect(() => writeRestResponse(answer(datatype, raw), JSON_ALONE)).toThrow(/'y' cannot be written as JSON.*binary data/);
      expect(writeRestResponse(answer(datatype, raw), { byDefault: true, named: new Map() }).jsonBytes).toBeGreaterThan(0);
    }
  });

  it('writes so many elements as JSON as one turn can bear, in all outputs together, and leaves larger ones to binary data', () => {
    const of = (...counts: number[]) => create(ModelInferResponseSchema, {
      outputs: counts.map((count, at) => ({ name: `y${at}`, datatype: 'UINT8', shape: [BigInt(count)] })), rawOutputContents: counts.map((count) => new Uint8Array(count)),
    });
    expect(writeRestResponse(of(JSON_ELEMENTS_LIMIT), JSON_ALONE).body.length).toBeGreaterThan(2 * JSON_ELEMENTS_LIMIT);
    expect(() => writeRestResponse(of(JSON_ELEMENTS_LIMIT, 1), JSON_ALONE)).toThrow(/'y1' cannot be written as JSON, because a message has at most 131072 elements in JSON: ask for it as binary data/);
    expect(writeRestResponse(of(16 * MIB, 1), { byDefault: false, named: new Map([['y0', true]]) }).jsonBytes).toBeLessThan(MIB);
    const texts = create(ModelInferResponseSchema, { outputs: [{ name: 'y', datatype: 'BYTES', shape: [BigInt(JSON_ELEMENTS_LIMIT + 1)] }], rawOutputContents: [Buffer.alloc(4 * (JSON_ELEMENTS_LIMIT + 1))] });
    expect(() => writeRestResponse(texts, JSON_ALONE)).toThrow(/binary data/);
  });
});
