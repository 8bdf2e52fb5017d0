import { describe, expect, it } from '@jest/globals';
import { tighter } from './limit-state.ts';
import { SubjectUsage, amountOf } from './subject-usage.ts';

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
    expect(usage.isIdle(MINUTE_MS)).toBe(false);
    expect(usage.isIdle(1_440 * MINUTE_MS - 1)).toBe(false);
    expect(usage.isIdle(1_440 * MINUTE_MS)).toBe(true);
  });

  it('keeps one window for each kind', () => {
    const usage = new SubjectUsage();
    expect(usage.window('tokens_per_minute')).toBe(usage.window('tokens_per_minute'));
    expect(usage.window('tokens_per_minute')).not.toBe(usage.window('requests_per_minute'));
  });
});

describe('the limits of a subject', () => {
  it('are those that are set, made once as long as they stay the same', () => {
    const usage = new SubjectUsage();
    expect(usage.windowLimits({ ...NONE, concurrentRequests: 5 })).toEqual([]);
    const limits = { requestsPerMinute: 1, requestsPerDay: 2, tokensPerMinute: 3, concurrentRequests: 4 };
    const all = usage.windowLimits(limits);
    expect(all.map(({ kind, limit }) => [kind, limit, amountOf(kind, 30)])).toEqual([['requests_per_minute', 1, 1], ['requests_per_day', 2, 1], ['tokens_per_minute', 3, 30]]);
    for (const { kind, window } of all) expect(window).toBe(usage.window(kind));
    expect(usage.windowLimits(limits)).toBe(all);
    const changed = usage.windowLimits({ ...NONE, tokensPerMinute: 7 });
    expect(changed).toEqual([{ kind: 'tokens_per_minute', limit: 7, window: usage.window('tokens_per_minute') }]);
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
