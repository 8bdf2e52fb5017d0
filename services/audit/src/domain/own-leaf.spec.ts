import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { verifyOpening } from '@sluice/segment';
import { NO_COUNTS, NO_HOLD, NO_PRICES, type OpenCall } from './call.ts';
import { abandonedFields, commitmentsOf, openingsOf, type Field } from './own-leaf.ts';

const seeds = fc.uint8Array({ minLength: 32, maxLength: 32 });
const fields: fc.Arbitrary<Field[]> = fc.uniqueArray(fc.tuple(fc.string(), fc.oneof(fc.string(), fc.uint8Array())), { selector: ([name]) => name, maxLength: 8 });

describe('the commitments that audit makes', () => {
  it('are opened by what the seed gives, in the same order', () => {
    fc.assert(fc.property(fields, seeds, (given, seed) => {
      const commitments = commitmentsOf(given, seed);
      const openings = openingsOf(given, seed);
      expect(commitments.map((commitment, index) => verifyOpening(commitment, openings[index]!))).toEqual(given.map(() => true));
      expect(openings.map(({ name, value }) => [name, Buffer.from(value)])).toEqual(given.map(([name, value]) => [name, Buffer.from(value as string)]));
    }));
  });

  it('have a salt of their own in each field and each leaf, so equal values do not show', () => {
    fc.assert(fc.property(fc.string(), seeds, seeds, (value, seed, other) => {
      fc.pre(Buffer.compare(seed, other) !== 0);
      const hashes = [...commitmentsOf([['a', value], ['b', value]], seed), ...commitmentsOf([['a', value]], other)].map(({ hash }) => Buffer.from(hash).toString('hex'));
      expect(new Set(hashes).size).toBe(3);
    }));
  });
});

describe('an abandoned call', () => {
  const call: OpenCall = {
    callId: 'c', organisationId: 'o', projectId: 'p', keyId: 'k', model: 'm', producer: 'gateway', epoch: 1n, lastSeq: 2n, admittedAtMs: 1n, prices: NO_PRICES, hold: NO_HOLD,
    counts: { ...NO_COUNTS, inputTokens: 3n, outputTokens: 4n, estimated: true }, outputBytes: 5n, outputChain: Buffer.alloc(32, 6),
  };

  it('commits to who, what and how much was durable', () => {
    expect(abandonedFields(call)).toEqual([
      ['call_id', 'c'], ['organisation_id', 'o'], ['project_id', 'p'], ['key_id', 'k'], ['model', 'm'], ['counts', '3,4,0,0,true'], ['output_bytes', '5'], ['output_chain', Buffer.alloc(32, 6)],
    ]);
  });
});
