import { describe, expect, it } from '@jest/globals';
import { allowedNano, type Budget } from './budget.ts';

describe('a budget', () => {
  it('allows its amount, and in the period in which it was set what was there, if that is more', () => {
    const budget: Budget = { organisationId: 'org', level: 'key', subjectId: 'key', amountNano: 50n, period: 'month', sinceDay: 100, baselineNano: 0n, floorNano: 80n, setDay: 115, isCounting: false, baselineOutside: { overrunNano: 0n, unheldNano: 0n } };
    expect([allowedNano(budget, 100), allowedNano(budget, 115), allowedNano(budget, 131), allowedNano({ ...budget, amountNano: 90n }, 100)]).toEqual([80n, 80n, 50n, 90n]);
  });
});
