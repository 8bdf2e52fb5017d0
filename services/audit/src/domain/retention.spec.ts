import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { monthNamed, monthOf, monthsToPrune } from './retention.ts';

const NOW_MS = Date.UTC(2026, 10, 22);
const DAY_MS = 86_400_000;

describe('months', () => {
  it('hold the moments that they are of, and follow each other without a gap', () => {
    fc.assert(fc.property(fc.integer({ min: 0, max: NOW_MS }), (timeMs) => {
      const month = monthOf(timeMs, NOW_MS);
      expect(month.startMs <= timeMs && timeMs < month.endMs).toBe(true);
      expect(monthOf(month.endMs, month.endMs).startMs).toBe(month.endMs);
      expect(monthNamed(month.name)).toEqual(month);
    }));
  });

  it('of a clock that is wrong are the nearest that can be', () => {
    expect(monthOf(Number.MAX_SAFE_INTEGER, NOW_MS).name).toBe('2026_11');
    expect(monthOf(-5, NOW_MS).name).toBe('1970_01');
    expect(['2026_13', '2026_1', 'x', ''].map(monthNamed)).toEqual([undefined, undefined, undefined, undefined]);
  });
});

describe('retention', () => {
  it('removes a month only when its last moment is older than the retention, and then always', () => {
    fc.assert(fc.property(fc.integer({ min: 184, max: 2000 }), fc.array(fc.integer({ min: 0, max: NOW_MS })), (days, times) => {
      const kept = times.map((timeMs) => monthOf(timeMs, NOW_MS));
      const pruned = new Set(monthsToPrune(kept, days, NOW_MS));
      for (const month of kept) expect(pruned.has(month)).toBe(NOW_MS - month.endMs >= days * DAY_MS);
    }));
  });

  it('begins with the oldest', () => {
    const kept = ['2025_03', '2025_01', '2025_02', '2026_11'].map((name) => monthNamed(name)!);
    expect(monthsToPrune(kept, 184, NOW_MS).map(({ name }) => name)).toEqual(['2025_01', '2025_02', '2025_03']);
  });
});
