import { describe, expect, it } from '@jest/globals';
import type { WindowLimit } from '../store.ts';
import { SubjectCounts, usedOf } from './subject-counts.ts';

const MINUTE_MS = 60_000;
const minute: WindowLimit = { name: 'minute', windowMs: MINUTE_MS, bucketMs: 100, limit: 3, counts: 'takings' };
const day: WindowLimit = { name: 'day', windowMs: 1_440 * MINUTE_MS, bucketMs: MINUTE_MS, limit: 7, counts: 'amounts' };

describe('SubjectCounts', () => {
  it('is idle when nothing is held and every window is empty', () => {
    const counts = new SubjectCounts();
    expect(counts.isIdle(0)).toBe(true);
    counts.held++;
    expect(counts.isIdle(0)).toBe(false);
    counts.held--;
    counts.window(minute).add(0, 1);
    counts.window(day).add(0, 1);
    expect(counts.isIdle(MINUTE_MS)).toBe(false);
    expect(counts.isIdle(1_440 * MINUTE_MS - 1)).toBe(false);
    expect(counts.isIdle(1_440 * MINUTE_MS)).toBe(true);
  });

  it('keeps one window for each name, whatever its limit is now', () => {
    const counts = new SubjectCounts();
    const limits = [minute, day];
    const all = counts.windows(limits);
    expect(all.map(({ limit, window }) => [limit, window])).toEqual([[minute, counts.window(minute)], [day, counts.window(day)]]);
    expect(counts.windows(limits)).toBe(all);
    expect(counts.windows([{ ...day, limit: 1 }])).toEqual([{ limit: { ...day, limit: 1 }, window: counts.window(day) }]);
    expect(counts.window(day)).not.toBe(counts.window(minute));
  });

  it('uses one of a window of takings, and the amount of a window of amounts', () => {
    expect([usedOf(minute, 30), usedOf(day, 30)]).toEqual([1, 30]);
  });
});
