import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { shareAt, shareOf } from './share.ts';

const limits = fc.integer({ min: 0, max: 10_000 });
const counts = fc.integer({ min: 1, max: 20 });
const sum = (numbers: readonly number[]): number => numbers.reduce((all, one) => all + one, 0);

describe('the shares of a limit', () => {
  it('are the limit, all together, and nobody has more than one more than another', () => {
    fc.assert(fc.property(limits, counts, (limit, count) => {
      const shares = Array.from({ length: count }, (_, rank) => shareOf(limit, rank, count));
      expect(sum(shares)).toBe(limit);
      expect(Math.max(...shares) - Math.min(...shares)).toBeLessThanOrEqual(1);
    }));
  });

  it('are never more than the limit while some do not know yet who has left', () => {
    fc.assert(fc.property(limits, fc.array(fc.tuple(fc.boolean(), fc.boolean()), { minLength: 1, maxLength: 12 }), (limit, members) => {
      const old = members.map((_, rank) => rank);
      const stayed = old.filter((rank) => !members[rank]![0]);
      // Each of those who stayed goes by the old list or by the new one.
      const shares = stayed.map((rank, now) => (members[rank]![1] ? shareOf(limit, rank, old.length) : shareOf(limit, now, stayed.length)));
      expect(sum(shares)).toBeLessThanOrEqual(limit);
    }));
  });

  it('are nothing for who does not know of the others, and the lesser of two standings', () => {
    expect(shareAt([], 100)).toBe(0);
    expect(shareAt([{ rank: 0, count: 3 }], -5)).toBe(0);
    expect(shareAt([{ rank: 0, count: 3 }, { rank: 2, count: 4 }], 10)).toBe(2);
  });
});
