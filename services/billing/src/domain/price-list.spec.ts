import { describe, expect, it } from '@jest/globals';
import { PRICE } from '../testing/holds.ts';
import { PriceList } from './price-list.ts';

describe('the prices in force', () => {
  it('are the newest version of each model, in an organisation of its own', () => {
    const list = new PriceList();
    list.put('org', { ...PRICE, id: 'new', validFromMs: 2 });
    list.put('org', { ...PRICE, id: 'old', validFromMs: 1 });
    list.put('other', { ...PRICE, id: 'theirs', validFromMs: 9 });
    expect([list.priceOf('org', 'small').id, list.priceOf('other', 'small').id]).toEqual(['new', 'theirs']);
  });

  it('are nothing for a model without one, in the currency of the organisation', () => {
    const list = new PriceList();
    list.putCurrency('org', 'EUR');
    expect(list.priceOf('org', 'large')).toEqual({ id: '', model: 'large', currency: 'EUR', inputNano: 0n, cachedInputNano: 0n, outputNano: 0n, reasoningNano: 0n, validFromMs: 0 });
    expect(list.currencyOf('other')).toBe('USD');
  });
});
