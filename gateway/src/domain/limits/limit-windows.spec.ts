import { describe, expect, it } from '@jest/globals';
import { tighter } from './limit-state.ts';
import { DAY, windowsOf } from './limit-windows.ts';

const NONE = { requestsPerMinute: 0, tokensPerMinute: 0, concurrentRequests: 0, requestsPerDay: 0 };

describe('the windows of limits', () => {
  it('are those that are set, the same as long as the limits are', () => {
    expect(windowsOf(undefined)).toEqual([]);
    expect(windowsOf({ ...NONE, concurrentRequests: 5 })).toEqual([]);
    const limits = { requestsPerMinute: 1, requestsPerDay: 2, tokensPerMinute: 3, concurrentRequests: 4 };
    const all = windowsOf(limits);
    expect(all.map(({ kind, limit, windowMs, counts }) => [kind, limit, windowMs, counts])).toEqual([['requests_per_minute', 1, 60_000, 'takings'], ['requests_per_day', 2, 86_400_000, 'takings'], ['tokens_per_minute', 3, 60_000, 'amounts']]);
    expect(all[1]).toMatchObject(DAY);
    expect(windowsOf(limits)).toBe(all);
    expect(windowsOf({ ...NONE, tokensPerMinute: 7 }).map(({ kind, limit }) => [kind, limit])).toEqual([['tokens_per_minute', 7]]);
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
