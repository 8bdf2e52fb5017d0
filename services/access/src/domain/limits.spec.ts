import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { checkLimits, isUnlimited, MAX_LIMIT, namedLimits, NO_LIMITS } from './limits.ts';

describe('checkLimits', () => {
  it('takes every number up to the largest as it is', () => {
    const limit = fc.bigInt({ min: 0n, max: BigInt(MAX_LIMIT) });
    const names = { requestsPerMinute: limit, tokensPerMinute: limit, concurrentRequests: limit, requestsPerDay: limit };
    fc.assert(
      fc.property(fc.record(names, { requiredKeys: [] }), (change) => {
        fc.pre(Object.keys(change).length > 0);
        const checked = checkLimits(change);
        expect(Object.fromEntries(Object.entries(checked).map(([name, value]) => [name, BigInt(value)]))).toEqual(change);
        expect(isUnlimited({ ...NO_LIMITS, ...checked })).toBe(Object.values(change).every((value) => value === 0n));
      }),
    );
  });

  it('refuses a change of nothing, and says what there is to change', () => {
    for (const change of [undefined, {}, { requestsPerMinute: undefined }]) {
      expect(() => checkLimits(change)).toThrow(expect.objectContaining({ code: 'missing_required_parameter', message: 'At least one of `requests_per_minute`, `tokens_per_minute`, `concurrent_requests`, `requests_per_day` must be given.' }));
    }
  });

  it.each([
    ['requestsPerMinute', 'requests_per_minute'],
    ['tokensPerMinute', 'tokens_per_minute'],
    ['concurrentRequests', 'concurrent_requests'],
    ['requestsPerDay', 'requests_per_day'],
  ])('refuses a larger %s by its name', (name, param) => {
    expect(() => checkLimits({ [name]: BigInt(MAX_LIMIT) + 1n })).toThrow(expect.objectContaining({ code: 'invalid_value', param }));
    expect(namedLimits({ ...NO_LIMITS, ...checkLimits({ [name]: 7n }) })[param]).toBe(7);
  });
});
