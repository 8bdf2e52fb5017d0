import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { decodeTensor, encodeTensor, type Datatype } from './index.ts';

const ELEMENTS: { readonly [D in Datatype]: fc.Arbitrary<unknown> } = {
  BYTES: fc.uint8Array({ maxLength: 40 }),
  BOOL: fc.boolean(),
  INT32: fc.integer(),
  UINT32: fc.nat({ max: 2 ** 32 - 1 }),
  INT64: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  UINT64: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
  FP32: fc.float({ noNaN: true }),
  FP64: fc.double({ noNaN: true }),
};

/** The same bytes at an odd address, as they stand in a decoded protobuf message. */
function misaligned(bytes: Uint8Array): Uint8Array {
  const room = new Uint8Array(bytes.length + 3);
  room.set(bytes, 3);
  return room.subarray(3);
}

describe('tensor', () => {
  it.each(Object.keys(ELEMENTS) as Datatype[])('%s comes back as it was, at any alignment', (datatype) => {
    fc.assert(
      fc.property(fc.array(ELEMENTS[datatype], { maxLength: 20 }), (elements) => {
        const decoded = decodeTensor('t', datatype, misaligned(encodeTensor(datatype, elements as never[])));
        expect(decoded.map((element) => (element instanceof Uint8Array ? [...element] : element))).toEqual(
          elements.map((element) => (element instanceof Uint8Array ? [...element] : element)),
        );
      }),
    );
  });

  it('has the bytes of the protocol', () => {
    expect([...encodeTensor('BYTES', [Buffer.from('ab'), Buffer.alloc(0)])]).toEqual([2, 0, 0, 0, 0x61, 0x62, 0, 0, 0, 0]);
    expect([...encodeTensor('UINT32', [1])]).toEqual([1, 0, 0, 0]);
    expect([...encodeTensor('FP32', [1])]).toEqual([0, 0, 0x80, 0x3f]);
    expect([...encodeTensor('BOOL', [true, false])]).toEqual([1, 0]);
  });

  it('refuses what is cut off, and never reads beyond the end', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 30 }), fc.constantFrom(...(Object.keys(ELEMENTS) as Datatype[])), (bytes, datatype) => {
        let decoded: unknown[];
        try {
          decoded = decodeTensor('t', datatype, bytes);
        } catch (thrown) {
          expect(thrown).toMatchObject({ code: 'invalid_value', param: 't' });
          return;
        }
        const size = encodeTensor(datatype, decoded as never[]).byteLength;
        expect(size).toBe(bytes.byteLength);
      }),
    );
    expect(() => decodeTensor('x', 'BYTES', Uint8Array.of(9, 0, 0, 0, 1))).toThrow("tensor 'x'");
  });
});
