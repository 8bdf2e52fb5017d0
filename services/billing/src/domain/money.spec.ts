import { describe, expect, it } from '@jest/globals';
import { costNano } from '@sluice/pricing';
import { freePrice, least, most, told } from './money.ts';

describe('money', () => {
  it('is compared without loss', () => {
    expect([least(1n, 2n), least(2n, 1n), most(1n, 2n), most(2n, 1n)]).toEqual([1n, 1n, 2n, 2n]);
  });

  it('is told as far as a message holds it', () => {
    expect([told(5n), told(2n ** 63n - 1n), told(10n ** 19n)]).toEqual([5n, 2n ** 63n - 1n, 2n ** 63n - 1n]);
  });

  it('is none for a model without a price', () => {
    expect(costNano(freePrice('small', 'USD'), { inputTokens: 9n, cachedInputTokens: 0n, outputTokens: 9n, reasoningTokens: 0n })).toBe(0n);
  });
});
