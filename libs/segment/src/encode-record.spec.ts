import { create, toBinary, type DescMessage, type MessageInitShape } from '@bufbuild/protobuf';
import { describe, expect, it } from '@jest/globals';
import { ChatCallSchema } from '@sluice/proto/chat/v1/chat';
import { BodySchema, CallRecordSchema, OutputBodySchema } from '@sluice/proto/events/v1/calls';
import fc from 'fast-check';
import { encodeBody, encodeCall, encodeOutput, encodeRecord } from './encode-record.ts';

type RecordInit = NonNullable<MessageInitShape<typeof CallRecordSchema>['record']>;
type BodyInit = NonNullable<MessageInitShape<typeof BodySchema>['body']>;

const SIZES: Readonly<Record<number, number>> = { 0: 3, 1: 39, 2: 200, 3: 40_000 };

/** Any value of a field, with lengths around the borders of a length's own bytes. */
function scalar(type: number): fc.Arbitrary<unknown> {
  const length = fc.integer({ min: 0, max: 3 }).map((size) => SIZES[size]!);
  const [STRING, BYTES, BOOL, UINT32] = [9, 12, 8, 13];
  if (type === STRING) return fc.oneof(fc.string({ unit: 'binary', maxLength: 60 }), length.map((size) => 'ab'.repeat(size)), length.map((size) => 'é€😀'.repeat(size / 10)));
  if (type === BYTES) return fc.oneof(fc.uint8Array({ maxLength: 40 }), length.map((size) => new Uint8Array(size).fill(7)));
  if (type === BOOL) return fc.boolean();
  if (type === UINT32) return fc.nat(2 ** 31 - 1);
  return fc.bigInt({ min: 0n, max: BigInt(Number.MAX_SAFE_INTEGER) });
}

/** Money: any int64, and often one around where a number is no longer exact. */
const amount = fc.oneof(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), fc.bigInt({ min: 2n ** 53n - 3n, max: 2n ** 53n + 3n }), fc.bigInt({ min: -2n, max: 300n }));

/** Any init of a message, from its descriptor: a field that is added to the contract and not to the encoder fails here. */
function initOf(schema: DescMessage): fc.Arbitrary<Record<string, unknown>> {
  const fields: Record<string, fc.Arbitrary<unknown>> = {};
  for (const field of schema.fields.filter(({ oneof }) => !oneof)) {
    const value = field.message ? initOf(field.message) : field.enum ? fc.constantFrom(...field.enum.values.map(({ number }) => number)) : field.name.endsWith('_nano') ? amount : scalar(field.scalar!);
    fields[field.localName] = field.fieldKind === 'list' ? fc.array(value, { maxLength: 4 }) : value;
  }
  for (const oneof of schema.oneofs) {
    fields[oneof.localName] = fc.oneof(...oneof.fields.map((field) => (field.message ? initOf(field.message) : scalar(field.scalar!)).map((value) => ({ case: field.localName, value }))));
  }
  return fc.record(fields, { requiredKeys: [] });
}

const bytesOf = (schema: DescMessage, init: object): string => Buffer.from(toBinary(schema, create(schema, init as Record<string, unknown>))).toString('hex');

describe('the encoder of records', () => {
  it('writes any record as the protobuf library does', () => {
    fc.assert(fc.property(initOf(CallRecordSchema), (init) => {
      const { callId = '', record = { case: undefined } } = init as { callId?: string; record?: RecordInit };
      expect(encodeRecord(callId, record).toString('hex')).toBe(bytesOf(CallRecordSchema, init));
    }), { numRuns: 400 });
  });

  it('writes any body as the protobuf library does', () => {
    fc.assert(fc.property(initOf(BodySchema), (init) => {
      const { body = { case: undefined } } = init as { body?: BodyInit };
      expect(encodeBody(body).toString('hex')).toBe(bytesOf(BodySchema, { body }));
    }), { numRuns: 400 });
  });

  it('writes an output that was encoded before as the library writes it in place', () => {
    fc.assert(fc.property(initOf(OutputBodySchema), (output) => {
      expect(encodeBody({ case: 'encodedOutput', bytes: encodeOutput(output) }).toString('hex')).toBe(bytesOf(BodySchema, { body: { case: 'output', value: output } }));
    }), { numRuns: 100 });
  });

  it('writes everything that was asked as the library does', () => {
    fc.assert(fc.property(initOf(ChatCallSchema), (call) => {
      expect(encodeCall(call).toString('hex')).toBe(bytesOf(ChatCallSchema, call));
    }), { numRuns: 100 });
  });

  it('refuses an amount that 64 bits do not hold, instead of writing another one', () => {
    for (const bad of [2n ** 63n, -(2n ** 63n) - 1n, 2n ** 64n + 5n]) {
      expect(() => encodeRecord('c', { case: 'completed', value: { costNano: bad } })).toThrow(RangeError);
    }
    expect(encodeRecord('c', { case: 'fragment', value: { index: 1 } })).toEqual(Buffer.from(toBinary(CallRecordSchema, create(CallRecordSchema, { callId: 'c', record: { case: 'fragment', value: { index: 1 } } }))));
  });

  it('refuses what is no count, and leaves nothing of it behind', () => {
    for (const bad of [-1n, 2n ** 60n]) {
      expect(() => encodeRecord('c', { case: 'output', value: { outputBytes: bad } })).toThrow(RangeError);
      expect(encodeRecord('c', { case: 'fragment', value: { index: 1 } })).toEqual(Buffer.from(toBinary(CallRecordSchema, create(CallRecordSchema, { callId: 'c', record: { case: 'fragment', value: { index: 1 } } }))));
    }
  });
});
