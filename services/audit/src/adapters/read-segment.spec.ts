import { describe, expect, it } from '@jest/globals';
import { create, toBinary, type MessageInitShape } from '@bufbuild/protobuf';
import { Action } from '@sluice/proto/content_filter/v1/content_filter';
import { Outcome, SegmentSchema } from '@sluice/proto/events/v1/calls';
import fc from 'fast-check';
import { NO_COUNTS, NO_HOLD, NO_PRICES } from '../domain/call.ts';
import { readSegment } from './read-segment.ts';

type SegmentInit = MessageInitShape<typeof SegmentSchema>;
type RecordInit = NonNullable<SegmentInit['records']>[number];

const ID = '0123456789abcdef0123456789abcdef';
const MAX_INT8 = (1n << 63n) - 1n;
const encoded = (records: RecordInit[], more: SegmentInit = {}): Uint8Array => toBinary(SegmentSchema, create(SegmentSchema, { producer: 'gateway', epoch: 3n, seq: 7n, builtAtMs: 5n, records, ...more }));
const factsOf = (...records: RecordInit[]) => readSegment(encoded(records)).facts;

const text = fc.string({ unit: 'grapheme' });
const int64 = fc.bigInt({ min: -(1n << 63n), max: MAX_INT8 });
const uint32 = fc.nat(0xffff_ffff);
const count = fc.bigInt({ min: 0n, max: MAX_INT8 });
const bytes = fc.uint8Array({ maxLength: 40 });
const caller = fc.record({ organisationId: text, projectId: text, keyId: text, model: text });
const counts = fc.record({ inputTokens: count, outputTokens: count, cachedInputTokens: count, reasoningTokens: count, estimated: fc.boolean() });
const price = fc.record({ inputNano: int64, cachedInputNano: int64, outputNano: int64, reasoningNano: int64 });
const commitments = fc.array(fc.record({ name: text, hash: bytes }), { maxLength: 20 });
const verdict = { policyVersion: 4n, hitCount: 2, hits: [{ ruleId: 'r', action: 2 }] };
const cleaned = <Value extends object>(value: Value): Value => JSON.parse(JSON.stringify(value).replaceAll('\\u0000', '\ufffd')) as Value;

describe('the clear part of a segment', () => {
  it('says when it was built and what was admitted, whatever else its records hold', () => {
    fc.assert(fc.property(fc.nat(2 ** 45), caller, fc.boolean(), int64, bytes, price, (builtAtMs, who, stream, admittedAtMs, outputChain, priced) => {
      const record: RecordInit = { callId: ID, record: { case: 'admitted', value: {
        ...who, stream, admittedAtMs, promptCommitment: new Uint8Array(32), outputChain, modelName: 'other', inputVerdict: verdict,
        hold: { hold: { amountNano: 5n, limited: true, outputTokens: 6n }, price: { id: 'p', model: 'm', currency: 'EUR', validFromMs: 9n, ...priced } },
      } } };
      const read = readSegment(encoded([record], { builtAtMs: BigInt(builtAtMs), blocks: [{ projectId: 'p', dataKeyId: 'd', iv: new Uint8Array(12), sealed: new Uint8Array(500) }] }));
      expect(read).toEqual({ builtAtMs, facts: [{ kind: 'admitted', callId: ID, caller: cleaned(who), stream, admittedAtMs, outputChain, prices: priced, hold: { amountNano: 5n, limited: true } }] });
    }));
  });

  it('says what was put out', () => {
    fc.assert(fc.property(counts, count, bytes, (all, outputBytes, outputChain) => {
      const [fact] = factsOf({ callId: ID, record: { case: 'output', value: { outputBytes, events: 300n, outputChain, counts: all, hold: { amountNano: 1n, limited: true, outputTokens: 2n } } } });
      expect(fact).toEqual({ kind: 'output', callId: ID, counts: all, outputBytes, outputChain, hold: { amountNano: 1n, limited: true } });
    }));
  });

  it('says how a call ended, and what its leaf commits to', () => {
    const end = fc.record({ errorCode: text, httpStatus: uint32, outputBytes: count, counts, versionId: text, deploymentId: text, durationMs: uint32, firstOutputMs: uint32, costNano: int64, overrunNano: int64 });
    fc.assert(fc.property(end, int64, commitments, (said, completedAtMs, leaf) => {
      const [fact] = factsOf({ callId: ID, record: { case: 'completed', value: {
        ...said, outcome: Outcome.DISCONNECTED, completedAtMs, outputChain: new Uint8Array(32), finishReasons: ['stop', 'length'], leaf: { commitments: leaf }, hold: { amountNano: 1n }, stoppedBy: 'budget', outputVerdict: verdict,
      } } });
      const { errorCode, versionId, deploymentId } = cleaned({ errorCode: said.errorCode, versionId: said.versionId, deploymentId: said.deploymentId });
      expect(fact).toEqual({ kind: 'completed', callId: ID, commitments: leaf, end: { ...said, errorCode, versionId, deploymentId, status: 'disconnected', endedAtMs: completedAtMs, cutBy: 'budget' } });
    }));
  });

  it('says who cut an answer', () => {
    const cutBy = (value: object): unknown => factsOf({ callId: ID, record: { case: 'completed', value } }).map((fact) => fact.kind === 'completed' && fact.end.cutBy)[0];
    const blocked = { finishReasons: ['stop', 'content_filter'], outputVerdict: { policyVersion: 4n, action: Action.BLOCK, hitCount: 1, hits: [{ ruleId: 'r', action: Action.MASK }] } };
    expect([blocked, { ...blocked, outputVerdict: { ...blocked.outputVerdict, action: Action.FLAG } }, { ...blocked, finishReasons: ['stop'] }, { stoppedBy: 'budget' }, {}].map(cutBy)).toEqual(['rule', '', '', 'budget', '']);
  });

  it('says who was refused', () => {
    fc.assert(fc.property(caller, text, uint32, int64, commitments, (who, errorCode, httpStatus, refusedAtMs, leaf) => {
      const [fact] = factsOf({ callId: ID, record: { case: 'refused', value: { ...who, errorCode, httpStatus, param: 'model', refusedAtMs, leaf: { commitments: leaf }, refusedBy: { case: 'limit', value: { subjectId: 'x', limit: 4n } }, inputVerdict: verdict } } });
      expect(fact).toMatchObject({ kind: 'refused', callId: ID, caller: cleaned(who), commitments: leaf, end: { status: 'refused', httpStatus, endedAtMs: refusedAtMs, counts: NO_COUNTS, costNano: 0n, cutBy: '' } });
    }));
  });

  it('keeps the order of its records, and has what proto3 leaves out', () => {
    const facts = factsOf(
      { callId: ID, record: { case: 'fragment', value: { index: 300 } } }, { callId: ID, record: { case: 'admitted', value: {} } }, { callId: ID, record: { case: 'output', value: {} } },
      { callId: ID, record: { case: 'completed', value: {} } }, { callId: ID },
    );
    expect(facts.map(({ kind }) => kind)).toEqual(['fragment', 'admitted', 'output', 'completed', 'unknown']);
    expect(facts.slice(1, 4)).toMatchObject([
      { caller: { organisationId: '', model: '' }, stream: false, admittedAtMs: 0n, prices: NO_PRICES, hold: NO_HOLD, outputChain: new Uint8Array() }, { counts: NO_COUNTS, outputBytes: 0n, hold: undefined }, { end: { status: 'failed', httpStatus: 0 }, commitments: [] },
    ]);
  });

  it('names every outcome, and a strange one a failure', () => {
    const statusOf = (outcome: number): unknown => factsOf({ callId: ID, record: { case: 'completed', value: { outcome } } }).map((fact) => fact.kind === 'completed' && fact.end.status)[0];
    expect([Outcome.ANSWERED, Outcome.DISCONNECTED, Outcome.FAILED, Outcome.ABANDONED, 77].map(statusOf)).toEqual(['answered', 'disconnected', 'failed', 'abandoned', 'failed']);
  });

  it('counts no further than the index can', () => {
    const most = (1n << 64n) - 1n;
    expect(factsOf({ callId: ID, record: { case: 'output', value: { outputBytes: most, counts: { inputTokens: most, reasoningTokens: most } } } })).toMatchObject([
      { outputBytes: MAX_INT8, counts: { inputTokens: MAX_INT8, outputTokens: 0n, reasoningTokens: MAX_INT8 } },
    ]);
  });

  it('is refused when a byte of it is missing, when a text is none, and when a block is none', () => {
    const records: RecordInit[] = [{ callId: ID, record: { case: 'completed', value: { httpStatus: 200, counts: { inputTokens: 3n }, leaf: { commitments: [{ name: 'model', hash: new Uint8Array(32) }] } } } }];
    const whole = encoded(records, { blocks: [{ projectId: 'p', sealed: new Uint8Array(9) }] });
    const start = encoded([]).length;
    const last = encoded(records).length;
    for (let cut = start + 1; cut < whole.length; cut++) {
      if (cut !== last) expect(() => readSegment(whole.subarray(0, cut))).toThrow();
    }
    expect(() => readSegment(Uint8Array.of(0x2a, 3, 0x0a, 1, 0xff))).toThrow();
    expect(() => readSegment(Uint8Array.of(0x32, 2, 0x22, 9))).toThrow();
  });
});
