import { describe, expect, it } from '@jest/globals';
import { tighter } from './limit-state.ts';
import { SubjectUsage, windowLimits } from './subject-usage.ts';

const MINUTE_MS = 60_000;
const NONE = { requestsPerMinute: 0, tokensPerMinute: 0, concurrentRequests: 0, requestsPerDay: 0 };

describe('SubjectUsage', () => {
  it('is idle when nothing runs and every window is empty', () => {
    const usage = new SubjectUsage();
    expect(usage.isIdle(0)).toBe(true);
    usage.running++;
    expect(usage.isIdle(0)).toBe(false);
    usage.running--;
    usage.window('requests_per_minute').add(0, 1);
    usage.window('requests_per_day').add(0, 1);
    expect(usage.isIdle(MINUTE_MS + 100)).toBe(false);
    expect(usage.isIdle(1_441 * MINUTE_MS - 1)).toBe(false);
    expect(usage.isIdle(1_441 * MINUTE_MS)).toBe(true);
  });

  it('keeps one window for each kind', () => {
    const usage = new SubjectUsage();
    expect(usage.window('tokens_per_minute')).toBe(usage.window('tokens_per_minute'));
    expect(usage.window('tokens_per_minute')).not.toBe(usage.window('requests_per_minute'));
  });
});

describe('windowLimits', () => {
  it('names those that are set, with what a call takes of each', () => {
    const usage = new SubjectUsage();
    expect(windowLimits(usage, { ...NONE, concurrentRequests: 5 }, 30)).toEqual([]);
    const all = windowLimits(usage, { requestsPerMinute: 1, requestsPerDay: 2, tokensPerMinute: 3, concurrentRequests: 4 }, 30);
    expect(all.map(({ kind, limit, amount }) => [kind, limit, amount])).toEqual([['requests_per_minute', 1, 1], ['requests_per_day', 2, 1], ['tokens_per_minute', 3, 30]]);
    for (const { kind, window } of all) expect(window).toBe(usage.window(kind));
  });
});

describe('tighter', () => {
  it('is the gauge with less left, and of equals the first', () => {
    const gauge = (remaining: number, limit = 10) => ({ limit, remaining, resetMs: 0 });
    expect(tighter(undefined, gauge(3))).toEqual(gauge(3));
    expect(tighter(gauge(2), gauge(3))).toEqual(gauge(2));
    expect(tighter(gauge(3), gauge(2))).toEqual(gauge(2));
    expect(tighter(gauge(2, 20), gauge(2))).toEqual(gauge(2, 20));
  });
});
