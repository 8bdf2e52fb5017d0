import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { describe, expect, it } from '@jest/globals';
import { ModelInferRequestSchema, type InferTensorContentsSchema } from '@sluice/proto/kserve';
import type { MessageInitShape } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { intParameter, stringParameter } from './infer-parameter.ts';
import { rawTensors } from './raw-tensors.ts';
import { TensorTexts, TEXTS_LIMIT } from './tensor-texts.ts';
import { decodeTensor, encodeTensor } from './tensor.ts';

const texts = fc.array(fc.string({ unit: 'grapheme', maxLength: 12 }), { maxLength: 5 });

function request(first: readonly string[], second: readonly string[], note: string): Uint8Array {
  const inputs = [{ name: 'a', datatype: 'BYTES', shape: [BigInt(first.length)] }, { name: 'n', datatype: 'INT8', shape: [1n] }, { name: 'b', datatype: 'BYTES', shape: [BigInt(second.length)], parameters: { note: stringParameter(note) } }];
  const raw = (all: readonly string[]): Uint8Array => encodeTensor('BYTES', all.map((text) => Buffer.from(text)));
  return toBinary(ModelInferRequestSchema, create(ModelInferRequestSchema, { parameters: { priority: intParameter(1n) }, inputs, rawInputContents: [raw(first), Uint8Array.of(7), raw(second)] }));
}

describe('the texts of tensors', () => {
  it('are found wherever they stand, and put back there and nowhere else', () => {
    fc.assert(fc.property(texts, texts, fc.string(), (first, second, note) => {
      const encoded = request(first, second, note);
      const given = TensorTexts.ofRequest(encoded);
      expect(given.texts).toEqual([...first, ...second, note, 'priority', 'note']);
      const others = given.texts.map((text, at) => (at < given.texts.length - 2 ? `${at}${text}` : text));
      const message = fromBinary(ModelInferRequestSchema, given.replaced(others));
      const [a, n, b] = message.rawInputContents;
      const read = (raw: Uint8Array): string[] => decodeTensor('t', 'BYTES', raw).map((each) => Buffer.from(each).toString());
      expect([...read(a!), ...read(b!), message.inputs[2]!.parameters['note']!.parameterChoice.value, 'priority', 'note']).toEqual(others);
      expect([[...n!], message.parameters['priority']!.parameterChoice.value]).toEqual([[7], 1n]);
      expect(Buffer.from(TensorTexts.ofRequest(encoded).replaced(given.texts)).equals(Buffer.from(encoded))).toBe(true);
    }));
  });

  it('are not more than rules can look at', () => {
    const texts = (count: number, parameters = {}) => toBinary(ModelInferRequestSchema, create(ModelInferRequestSchema, { parameters, inputs: [{ name: 'a', datatype: 'BYTES', shape: [BigInt(count)] }], rawInputContents: [new Uint8Array(4 * count)] }));
    expect(TensorTexts.ofRequest(texts(TEXTS_LIMIT)).texts).toHaveLength(TEXTS_LIMIT);
    for (const many of [texts(TEXTS_LIMIT + 1), texts(TEXTS_LIMIT, { priority: intParameter(1n) })]) {
      const given = TensorTexts.ofRequest(many);
      expect(given.count).toBe(TEXTS_LIMIT + 1);
      expect(() => given.texts).toThrow(expect.objectContaining({ code: 'invalid_value' }));
    }
  });

  it('have names of parameters among them, of which nothing else can be made', () => {
    const given = TensorTexts.ofRequest(request([], [], 'n'));
    expect(() => given.replaced(['n', 'priority', '****'])).toThrow(expect.objectContaining({ code: 'content_policy_violation', param: 'parameters' }));
  });

  it('are not of another number', () => {
    expect(() => TensorTexts.ofRequest(request(['a'], [], 'b')).replaced(['a'])).toThrow(RangeError);
  });
});

describe('data of tensors', () => {
  const contents = (init: MessageInitShape<typeof InferTensorContentsSchema>) => create(ModelInferRequestSchema, { inputs: [{ name: 'x', contents: init }] }).inputs[0]!.contents!;

  it.each<[string, MessageInitShape<typeof InferTensorContentsSchema>, number[]]>([
    ['BOOL', { boolContents: [true, false] }, [1, 0]],
    ['INT16', { intContents: [-2, 1] }, [254, 255, 1, 0]],
    ['UINT8', { uintContents: [0, 255] }, [0, 255]],
    ['UINT64', { uint64Contents: [1n, 0n] }, [1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]],
    ['FP32', { fp32Contents: [1, -2] }, [0, 0, 128, 63, 0, 0, 0, 192]],
    ['BYTES', { bytesContents: [Uint8Array.of(65), new Uint8Array()] }, [1, 0, 0, 0, 65, 0, 0, 0, 0]],
  ])('have one form: %s', (datatype, init, expected) => {
    expect(rawTensors([{ name: 'x', datatype, shape: [2n], contents: contents(init) }], []).map((raw) => [...raw])).toEqual([expected]);
  });

  it.each<[string, string, readonly bigint[], MessageInitShape<typeof InferTensorContentsSchema>]>([
    ['a value that the datatype does not hold', 'INT8', [1n], { intContents: [300] }],
    ['typed halves', 'FP16', [1n], { fp32Contents: [1] }],
    ['no data', 'FP32', [1n], {}],
    ['more dimensions than anybody takes', 'UINT8', Array.from({ length: 33 }, () => 1n), { uintContents: [1] }],
    ['a product without end', 'UINT8', [2n ** 62n, 2n ** 62n], { uintContents: [1] }],
  ])('are refused with %s', (_what, datatype, shape, init) => {
    expect(() => rawTensors([{ name: 'x', datatype, shape, contents: contents(init) }], [])).toThrow(expect.objectContaining({ code: 'invalid_value', param: 'x' }));
  });

  it('may be none at all: a tensor without elements has none', () => {
    expect(rawTensors([{ name: 'x', datatype: 'FP32', shape: [0n, 7n] }], [])).toEqual([new Uint8Array()]);
  });
});
