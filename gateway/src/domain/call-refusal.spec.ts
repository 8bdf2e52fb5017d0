import { describe, expect, it } from '@jest/globals';
import { ServiceError } from '@sluice/errors';
import { CallRefusal, factsOf } from './call-refusal.ts';
import { RateLimitRefusal } from './limits/rate-limit-refusal.ts';

describe('the refusal of a call', () => {
  it('is the error that it was, with what its record is to say', () => {
    const cause = new Error('inside');
    const error = new ServiceError('billing_unavailable', 'Away.', { retryAfterSeconds: 1, param: 'x', cause });
    const refusal = new CallRefusal(error, { refusedBy: { case: 'rule', value: { ruleId: 'r', ruleTitle: 'T', policyVersion: 1n } } });
    expect(refusal).toMatchObject({ code: 'billing_unavailable', message: 'Away.', retryAfterSeconds: 1, param: 'x', cause });
    expect(ServiceError.from(refusal)).toBe(refusal);
    expect(factsOf(refusal)).toEqual({ refusedBy: { case: 'rule', value: { ruleId: 'r', ruleTitle: 'T', policyVersion: 1n } } });
  });

  it('names the limit that was reached, and of another error nothing', () => {
    const reached = new RateLimitRefusal({ level: 'key', subjectId: 'key_1', kind: 'requests_per_minute', limit: 3, asked: 1, waitMs: 5 }, { requests: undefined, tokens: undefined });
    expect(factsOf(reached)).toEqual({ refusedBy: { case: 'limit', value: { level: 3, subjectId: 'key_1', kind: 'requests_per_minute', limit: 3n } } });
    expect(factsOf(new ServiceError('internal', 'x'))).toEqual({});
  });
});
