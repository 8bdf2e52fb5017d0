import { describe, expect, it } from '@jest/globals';
import { CODES } from '@sluice/errors';
import { COUNTED_REFUSALS, countsInFront } from './counted-refusals.ts';

describe('a refusal in front of the limits', () => {
  it.each(['invalid_json', 'invalid_value', 'request_too_large', 'request_timeout', 'cancelled', 'model_not_found', 'model_not_allowed'] as const)('counts as a request: %s', (code) => {
    expect([countsInFront(code), COUNTED_REFUSALS.includes(code)]).toEqual([true, true]);
  });

  it.each(['rate_limit_exceeded', 'invalid_api_key', 'expired_api_key', 'overloaded', 'draining', 'audit_log_unavailable', 'internal'] as const)('does not count: %s', (code) => {
    expect([countsInFront(code), COUNTED_REFUSALS.includes(code)]).toEqual([false, false]);
  });

  it('that money or the filter make behind them has counted, also when they are away; each code is named once', () => {
    expect(COUNTED_REFUSALS).toEqual(expect.arrayContaining(['insufficient_quota', 'content_policy_violation', 'billing_unavailable', 'content_filter_unavailable']));
    expect(new Set(COUNTED_REFUSALS).size).toBe(COUNTED_REFUSALS.length);
    expect(COUNTED_REFUSALS.every((code) => code in CODES)).toBe(true);
  });
});
