import { describe, expect, it } from '@jest/globals';
import { create } from '@bufbuild/protobuf';
import { BudgetRefusalSchema } from '@sluice/proto/billing/v1/billing';
import { unaffordable } from './budget-refusal.ts';

describe('the refusal of a budget', () => {
  it.each([[1, 'month', 'organisation for this month'], [2, 'day', 'project for this day'], [3, 'none', 'API key']])('names level %s and period %s, and keeps the figures for the record', (level, period, named) => {
    const refusal = create(BudgetRefusalSchema, { level, period, amountNano: 7n });
    const refused = unaffordable(refusal);
    expect(refused).toMatchObject({ code: 'insufficient_quota', message: `The budget of this ${named} does not cover this request.` });
    expect(refused.facts).toMatchObject({ refusedBy: { case: 'budget', value: refusal } });
  });
});
