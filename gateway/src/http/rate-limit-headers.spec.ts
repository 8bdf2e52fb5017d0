import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { RateLimitRefusal } from '../domain/limits/rate-limit-refusal.ts';
import { duration, rateLimitHeaders, refusalHeaders } from './rate-limit-headers.ts';

describe('duration', () => {
  it.each([
    [0, '0s'], [-5, '0s'], [0.2, '1ms'], [17, '17ms'], [999, '999ms'], [999.4, '1s'], [1_000, '1s'], [1_200, '1.2s'], [59_999, '59.999s'],
    [60_000, '1m0s'], [360_000, '6m0s'], [61_500, '1m1.5s'], [3_600_000, '1h0m0s'], [86_400_000, '24h0m0s'], [86_460_000, '24h1m0s'],
  ])('writes %d ms as %s', (ms, text) => {
    expect(duration(ms)).toBe(text);
  });

  it('can be read back to the millisecond', () => {
    const read = (text: string): number => {
      const [, h = '0', m = '0', s = '0', ms = '0'] = /^(?:(\d+)h)?(?:(\d+)m)?(?:([\d.]+)s)?$/.exec(text) ?? [, , , , /^(\d+)ms$/.exec(text)![1]];
      return Math.round(((Number(h) * 60 + Number(m)) * 60 + Number(s)) * 1_000 + Number(ms));
    };
    fc.assert(fc.property(fc.integer({ min: 0, max: 200_000_000 }), (ms) => expect(read(duration(ms))).toBe(ms)));
  });
});

describe('the headers of limits', () => {
  it('tell each kind that is limited, and nothing of the other', () => {
    expect(rateLimitHeaders({ requests: { limit: 60, remaining: 59, resetMs: 60_100 }, tokens: undefined })).toEqual({
      'x-ratelimit-limit-requests': '60', 'x-ratelimit-remaining-requests': '59', 'x-ratelimit-reset-requests': '1m0.1s',
    });
    expect(Object.keys(rateLimitHeaders({ requests: undefined, tokens: { limit: 1, remaining: 0, resetMs: 0 } }))).toEqual(['x-ratelimit-limit-tokens', 'x-ratelimit-remaining-tokens', 'x-ratelimit-reset-tokens']);
    expect(rateLimitHeaders(undefined)).toEqual({});
  });

  it('tell who was not let in when to come again, or that it is of no use', () => {
    const state = { requests: { limit: 1, remaining: 0, resetMs: 20 }, tokens: undefined };
    const obstacle = { level: 'key' as const, subjectId: 'key_1', kind: 'requests_per_minute' as const, limit: 1, asked: 1 };
    expect(refusalHeaders(new RateLimitRefusal({ ...obstacle, waitMs: 12.3 }, state))).toEqual({ ...rateLimitHeaders(state), 'retry-after-ms': '13' });
    expect(refusalHeaders(new RateLimitRefusal({ ...obstacle, waitMs: Infinity }, state))).toEqual({ ...rateLimitHeaders(state), 'x-should-retry': 'false' });
  });
});
