import { describe, expect, it } from '@jest/globals';
import { create, toBinary, type MessageInitShape } from '@bufbuild/protobuf';
import type { SegmentEntry } from '@sluice/events';
import { SegmentSchema } from '@sluice/proto/events/v1/calls';
import fc from 'fast-check';
import { believedCounts, MAX_CALL_NANO, MAX_CALL_TOKENS } from '@sluice/pricing';
import { MAX_PRICE_NANO } from '../domain/money.ts';
import { readFacts } from './read-facts.ts';

type Record = NonNullable<MessageInitShape<typeof SegmentSchema>['records']>[number];
const ID = '0123456789abcdef0123456789abcdef';
const entryOf = (records: Record[], more: MessageInitShape<typeof SegmentSchema> = {}): SegmentEntry => ({
  kind: 'segment', segment: { producer: 'gateway', epoch: 3n, seq: 0n, bytes: toBinary(SegmentSchema, create(SegmentSchema, { producer: 'gateway', epoch: 3n, builtAtMs: 5n, records, ...more })) },
});
const bytes = (length: number): Uint8Array => new Uint8Array(length).fill(7);
const leaf = { commitments: [{ name: 'model', hash: bytes(32) }, { name: 'usage', hash: bytes(32) }] };
const tokens = fc.bigInt({ min: 0n, max: MAX_CALL_TOKENS });
const counts = fc.record({ inputTokens: tokens, outputTokens: tokens, cachedInputTokens: tokens, reasoningTokens: tokens });
const hold = fc.record({ amountNano: fc.bigInt({ min: 0n, max: MAX_CALL_NANO }), limited: fc.boolean(), outputTokens: tokens });
const nano = fc.bigInt({ min: 0n, max: MAX_PRICE_NANO });
const text = fc.string({ minLength: 1, unit: 'grapheme' }).filter((value) => !value.includes('\0'));
const price = fc.record({ id: text, model: text, currency: fc.constant('EUR'), inputNano: nano, cachedInputNano: nano, outputNano: nano, reasoningNano: nano });

describe('the facts of a segment', () => {
  it('are what the records say, field by field, whatever else they hold', () => {
    fc.assert(fc.property(text, text, hold, price, counts, hold, counts, fc.integer({ min: 0, max: 2 ** 41 }), (organisationId, modelName, held, priced, some, extended, all, atMs) => {
      const facts = readFacts(entryOf([
        { callId: ID, record: { case: 'admitted', value: { organisationId, projectId: 'p', keyId: 'k', model: 'alias', stream: true, admittedAtMs: BigInt(atMs), promptCommitment: bytes(32), outputChain: bytes(32), modelName, hold: { hold: held, price: { ...priced, validFromMs: 9n } }, inputVerdict: { policyVersion: 4n, hitCount: 2 } } } },
        { callId: ID, record: { case: 'fragment', value: { index: 300 } } },
        { callId: ID, record: { case: 'output', value: { outputBytes: 9n, events: 2n, outputChain: bytes(32), counts: { ...some, estimated: true }, hold: extended } } },
        { callId: ID, record: { case: 'completed', value: { outcome: 1, httpStatus: 200, outputChain: bytes(32), counts: all, versionId: 'v', finishReasons: ['stop', 'length'], leaf, hold: extended, costNano: 4n, overrunNano: 2n, stoppedBy: 'budget' } } },
        { callId: ID, record: { case: 'refused', value: { organisationId, errorCode: 'insufficient_quota', httpStatus: 429, leaf, refusedBy: { case: 'budget', value: { subjectId: 'x', amountNano: 5n } } } } },
      ], { blocks: [{ projectId: 'p', dataKeyId: 'd', iv: bytes(12), sealed: bytes(500) }] }));
      const counted = { inputTokens: 0n, outputTokens: 0n, cachedInputTokens: 0n, reasoningTokens: 0n };
      expect(facts).toEqual([
        { kind: 'admitted', call: { callId: ID, producer: 'gateway', epoch: 3n, ...held, organisationId, projectId: 'p', keyId: 'k', model: modelName, day: Math.floor(atMs / 86_400_000), price: { ...priced, validFromMs: 9 }, counts: counted } },
        { kind: 'output', callId: ID, counts: believedCounts(some), hold: extended },
        { kind: 'completed', callId: ID, counts: believedCounts(all), hold: extended },
        { kind: 'refused', callId: ID },
      ]);
    }));
  });

  it('of calls from before there were holds cost nothing and have the model that was asked for', () => {
    expect(readFacts(entryOf([{ callId: ID, record: { case: 'admitted', value: { organisationId: 'o', model: 'small', admittedAtMs: 86_400_000n } } }]))).toMatchObject([
      { kind: 'admitted', call: { model: 'small', day: 1, amountNano: 0n, limited: false, price: { id: '', currency: 'XXX', inputNano: 0n } } },
    ]);
  });

  it('never exceed what is believed', () => {
    const most = (1n << 64n) - 1n;
    const far = { inputTokens: most, outputTokens: 5n, cachedInputTokens: most, reasoningTokens: most };
    const beyond = readFacts(entryOf([
      { callId: ID, record: { case: 'completed', value: { counts: far, hold: { amountNano: (1n << 63n) - 1n, outputTokens: most } } } },
      { callId: ID, record: { case: 'admitted', value: { organisationId: 'a\0b', hold: { hold: { amountNano: -5n }, price: { currency: 'euro', inputNano: -1n, outputNano: 1n << 62n } } } } },
    ]));
    expect(beyond).toMatchObject([
      { counts: { inputTokens: MAX_CALL_TOKENS, outputTokens: 5n, cachedInputTokens: MAX_CALL_TOKENS, reasoningTokens: 5n }, hold: { amountNano: MAX_CALL_NANO, outputTokens: MAX_CALL_TOKENS } },
      { call: { organisationId: 'a\ufffdb', amountNano: 0n, price: { currency: 'XXX', inputNano: 0n, outputNano: MAX_PRICE_NANO } } },
    ]);
  });

  it('are none of what was never released, of ids that Sluice does not make, and of bytes that are no segment', () => {
    const entry = entryOf([{ callId: ID, record: { case: 'completed', value: {} } }]);
    const { segment } = entry as Extract<SegmentEntry, { kind: 'segment' }>;
    expect(readFacts({ kind: 'late', segment })).toEqual([]);
    expect(readFacts(entryOf([{ callId: 'x', record: { case: 'completed', value: {} } }]))).toEqual([]);
    expect(readFacts({ kind: 'closed', producer: 'gateway', epoch: 3n, seq: 1n })).toEqual([{ kind: 'closed', producer: 'gateway', epoch: 3n }]);
    for (let cut = 1; cut < segment.bytes.length; cut++) {
      const facts = readFacts({ kind: 'segment', segment: { ...segment, bytes: segment.bytes.subarray(0, cut) } });
      expect(facts.every(({ kind }) => kind === 'unreadable')).toBe(true);
    }
    expect(readFacts({ kind: 'segment', segment: { ...segment, bytes: bytes(100) } })).toEqual([{ kind: 'unreadable' }]);
  });
});
