import { describe, expect, it } from '@jest/globals';
import { ManualClock, systemClock, systemIds } from '@sluice/clock';
import { BudgetBook } from './budget-book.ts';
import type { Administration, BillingState } from './ports.ts';
import { PriceList } from './price-list.ts';
import { setCurrency } from './set-currency.ts';

const ACTOR = { keyId: 'owner', organisationId: 'org' };

/** An organisation with or without money, and what became of it. */
function administrationOf(hasMoney: boolean): Administration & { readonly told: unknown[] } {
  const told: unknown[] = [];
  const state: Partial<BillingState> = {
    hasMoney: async () => hasMoney,
    setCurrency: async (currency) => { told.push(currency); },
    record: async ({ action, detail }, follow) => {
      told.push([action, detail]);
      follow(true);
    },
  };
  return {
    told, clock: new ManualClock(), ids: systemIds(systemClock), book: new BudgetBook(), prices: new PriceList(),
    acts: { act: (_organisationId, work) => work(state as BillingState) },
    permissions: { require: async () => undefined, hasProject: async () => false, hasInferenceKey: async () => false },
  };
}

describe('the currency of an organisation', () => {
  it('is chosen before there is money, and is in force at once', async () => {
    const administration = administrationOf(false);
    expect(await setCurrency(administration, ACTOR, 'EUR')).toBe('EUR');
    expect(administration.told).toEqual(['EUR', ['currency.set', { currency: 'EUR' }]]);
    expect(administration.prices.currencyOf('org')).toBe('EUR');
  });

  it('stays when there is money, and to say it again is no change', async () => {
    const administration = administrationOf(true);
    await expect(setCurrency(administration, ACTOR, 'EUR')).rejects.toMatchObject({ code: 'failed_precondition', param: 'currency' });
    expect(await setCurrency(administration, ACTOR, 'USD')).toBe('USD');
    expect(administration.told).toEqual([]);
  });

  it.each(['', 'usd', 'EURO', 'ZZZ', 'US'])('is none that ISO 4217 does not know: %s', async (currency) => {
    await expect(setCurrency(administrationOf(false), ACTOR, currency)).rejects.toMatchObject({ code: 'invalid_value', param: 'currency' });
  });
});
