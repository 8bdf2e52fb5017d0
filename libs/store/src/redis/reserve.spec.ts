import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { reserveOf } from './reserve.ts';

const limits = fc.integer({ min: 0, max: 1_000_000 });
const lengths = fc.constantFrom(60_000, 86_400_000);
const counts = fc.integer({ min: 1, max: 20 });

describe('the reserves of a limit', () => {
  it('are no more than what is left, all together, also of those who heard that less was used, when who takes leaves room for those', () => {
    fc.assert(fc.property(limits, lengths, fc.array(limits, { minLength: 1, maxLength: 8 }), (limit, length, heard) => {
      const reserves = heard.map((used) => reserveOf(limit, used, length, heard.length));
      const left = limit - Math.min(...heard);
      expect(reserves.reduce((sum, one) => sum + one, 0)).toBeLessThanOrEqual(Math.max(0, left));
    }));
  });

  it('are smaller where more was used, where more share, and of a window that lasts long', () => {
    fc.assert(fc.property(limits, limits, lengths, counts, (limit, used, length, count) => {
      const reserve = reserveOf(limit, used, length, count);
      expect(reserveOf(limit, used + 1, length, count)).toBeLessThanOrEqual(reserve);
      expect(reserveOf(limit, used, length, count + 1)).toBeLessThanOrEqual(reserve);
      expect(reserveOf(limit, used, 86_400_000, count)).toBeLessThanOrEqual(reserveOf(limit, used, 60_000, count));
    }));
  });

  it('are a quarter of what is left, and nothing for who does not know of the others or of what was used', () => {
    expect(reserveOf(100, 20, 60_000, 2)).toBe(10);
    expect(reserveOf(6_400, 0, 86_400_000, 2)).toBe(50);
    expect(reserveOf(100, 0, 60_000, 0)).toBe(0);
    expect(reserveOf(100, Infinity, 60_000, 2)).toBe(0);
  });
});
