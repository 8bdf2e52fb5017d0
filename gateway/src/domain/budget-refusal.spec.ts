import { describe, expect, it } from '@jest/globals';
import { create } from '@bufbuild/protobuf';
import { BudgetRefusalSchema } from '@sluice/proto/billing/v1/billing';
import { unaffordable } from './budget-refusal.ts';

describe('the refusal of a budget', () => {
  it.each([[1, 'month', 'organisation for this month'], [2, 'day', 'project for this day'], [3, 'none', 'API key']])('names level %s and period %s, and keeps the figures for the record', (level, period, named) => {
    const refusal = create(BudgetRefusalSchema, { level, period, amountNano: 7n, spentNano: 6n, heldNano: 1n });
    const refused = unaffordable(refusal);
    expect(refused).toMatchObject({ code: 'insufficient_quota', message: `The budget of this ${named} does not cover this request.` });
    expect(refused.facts).toMatchObject({ refusedBy: { case: 'budget', value: refusal } });
  });

  it('says that it is worth trying again where others hold what is not spent', () => {
    expect(unaffordable(create(BudgetRefusalSchema, { level: 2, period: 'day', amountNano: 7n, spentNano: 6n, heldNano: 1n, fitsWithoutHolds: true }))).toMatchObject({
      retryAfterSeconds: 1, message: expect.stringMatching(/^The budget of this project for this day does not cover this request while other requests run: /) as unknown,
    });
    expect(unaffordable(create(BudgetRefusalSchema, { level: 2, period: 'day', amountNano: 7n, spentNano: 6n })).retryAfterSeconds).toBeUndefined();
  });
});
