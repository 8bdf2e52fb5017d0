import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { checkLimits, isUnlimited, MAX_LIMIT, namedLimits } from './limits.ts';

const NONE = { requestsPerMinute: 0n, tokensPerMinute: 0n, concurrentRequests: 0n, requestsPerDay: 0n };

describe('checkLimits', () => {
  it('takes every number up to the largest as it is', () => {
    const limit = fc.bigInt({ min: 0n, max: BigInt(MAX_LIMIT) });
    fc.assert(
      fc.property(fc.record({ requestsPerMinute: limit, tokensPerMinute: limit, concurrentRequests: limit, requestsPerDay: limit }), (given) => {
        const limits = checkLimits(given);
        for (const name of Object.keys(given) as (keyof typeof given)[]) expect(BigInt(limits[name])).toBe(given[name]);
        expect(isUnlimited(limits)).toBe(Object.values(given).every((value) => value === 0n));
      }),
    );
  });

  it.each([
    ['requestsPerMinute', 'requests_per_minute'],
    ['tokensPerMinute', 'tokens_per_minute'],
    ['concurrentRequests', 'concurrent_requests'],
    ['requestsPerDay', 'requests_per_day'],
  ])('refuses a larger %s by its name', (name, param) => {
    expect(() => checkLimits({ ...NONE, [name]: BigInt(MAX_LIMIT) + 1n })).toThrow(expect.objectContaining({ code: 'invalid_value', param }));
    expect(namedLimits(checkLimits({ ...NONE, [name]: 7n }))[param]).toBe(7);
  });
});
