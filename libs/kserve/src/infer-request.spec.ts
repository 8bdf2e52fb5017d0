import { create, toBinary } from '@bufbuild/protobuf';
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import { describe, expect, it } from '@jest/globals';
import { ServiceError } from '@sluice/errors';
import { ModelInferRequestSchema, type ModelInferRequest } from '@sluice/proto/kserve';
import fc from 'fast-check';
import { BESIDE_DATA_LIMIT_BYTES, readInferRequest } from './infer-request.ts';

const INPUTS = ModelInferRequestSchema.field.inputs.number;
const RAW = ModelInferRequestSchema.field.rawInputContents.number;
const many = (count: number, write: (writer: BinaryWriter) => void): Uint8Array => {
  const writer = new BinaryWriter();
  for (let at = 0; at < count; at++) write(writer);
  return writer.finish();
};
const refusalOf = (encoded: Uint8Array): ServiceError | undefined => {
  try {
    readInferRequest(encoded);
    return undefined;
  } catch (thrown) {
    return ServiceError.from(thrown);
  }
};

const INPUT = { name: 'x', datatype: 'INT64', shape: [2n] };

describe('a request of KServe v2 as it is encoded', () => {
  it('is read whole, however large its raw data are, and these are not copied', () => {
    const data = new Uint8Array(10 * 1024 * 1024).fill(7);
    const encoded = toBinary(ModelInferRequestSchema, create(ModelInferRequestSchema, { modelName: 'm', inputs: [INPUT], rawInputContents: [data, Uint8Array.of(1)] }));
    const { modelName, inputs, rawInputContents } = readInferRequest(encoded);
    expect([modelName, inputs[0]!.name, rawInputContents.map(({ length }) => length)]).toEqual(['m', 'x', [data.length, 1]]);
    expect(rawInputContents[0]!.buffer).toBe(encoded.buffer);
  });

  it.each<[string, Uint8Array]>([
    ['typed contents', toBinary(ModelInferRequestSchema, create(ModelInferRequestSchema, { inputs: [{ ...INPUT, contents: { int64Contents: Array.from({ length: BESIDE_DATA_LIMIT_BYTES }, () => 1n) } }] }))],
    ['parameters behind raw data', toBinary(ModelInferRequestSchema, create(ModelInferRequestSchema, { rawInputContents: [new Uint8Array(100)], parameters: { x: { parameterChoice: { case: 'stringParam', value: 'x'.repeat(BESIDE_DATA_LIMIT_BYTES) } } } }))],
    ['tensors without anything', many(BESIDE_DATA_LIMIT_BYTES, (writer) => writer.tag(INPUTS, WireType.LengthDelimited).uint32(0))],
    ['raw data without anything', many(BESIDE_DATA_LIMIT_BYTES, (writer) => writer.tag(RAW, WireType.LengthDelimited).uint32(0))],
    ['fields that nobody knows', many(BESIDE_DATA_LIMIT_BYTES, (writer) => writer.tag(15, WireType.Varint).uint32(0))],
  ])('is refused for too much of %s, with the mend', (_what, encoded) => {
    expect(refusalOf(encoded)).toMatchObject({ code: 'invalid_value', row: { grpc: 3 }, param: 'raw_input_contents', message: expect.stringContaining("'raw_input_contents' instead") });
  });

  it('may have as much beside raw data as the limit says, to the byte', () => {
    const writer = new BinaryWriter();
    const head = toBinary(ModelInferRequestSchema, create(ModelInferRequestSchema, { modelName: 'm' }));
    const text = (length: number): Uint8Array => writer.tag(1, WireType.LengthDelimited).bytes(new Uint8Array(length).fill(0x61)).finish();
    const fits = Buffer.concat([text(BESIDE_DATA_LIMIT_BYTES - 4 - head.length), head]);
    expect(fits.length).toBe(BESIDE_DATA_LIMIT_BYTES);
    expect(refusalOf(fits)).toBeUndefined();
    expect(refusalOf(Buffer.concat([fits, head]))).toMatchObject({ param: 'raw_input_contents' });
  });

  it('is refused for anything else, and nothing else happens', () => {
    expect(refusalOf(many(1, (writer) => writer.tag(9, WireType.StartGroup).tag(9, WireType.EndGroup)))).toMatchObject({ code: 'invalid_value' });
    expect(refusalOf(many(1, (writer) => writer.tag(RAW, WireType.LengthDelimited).uint32(2 ** 32 - 1)))).toMatchObject({ code: 'invalid_value' });
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      expect([undefined, 'invalid_value']).toContain(refusalOf(bytes)?.code);
    }), { numRuns: 500 });
  });

  it('is what it was before it was encoded', () => {
    const requests = fc.record({
      modelName: fc.string(), modelVersion: fc.string(), id: fc.string(),
      inputs: fc.array(fc.record({ name: fc.string(), datatype: fc.string(), shape: fc.array(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), { maxLength: 4 }) }), { maxLength: 4 }),
      rawInputContents: fc.array(fc.uint8Array({ maxLength: 50 }), { maxLength: 4 }),
    });
    fc.assert(fc.property(requests, (given) => {
      const request: ModelInferRequest = create(ModelInferRequestSchema, given);
      const encoded = toBinary(ModelInferRequestSchema, request);
      expect(toBinary(ModelInferRequestSchema, readInferRequest(encoded))).toEqual(encoded);
    }), { numRuns: 100 });
  });
});
