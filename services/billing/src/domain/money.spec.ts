import { describe, expect, it } from '@jest/globals';
import { believedTokens, callCost, freePrice, least, MAX_CALL_NANO, MAX_CALL_TOKENS, most } from './money.ts';

describe('money', () => {
  it('of one call is exact, and ends where no honest figure lies', () => {
    const price = { inputNano: 150n, cachedInputNano: 75n, outputNano: 600n, reasoningNano: 700n };
    expect(callCost(price, { inputTokens: 100n, cachedInputTokens: 40n, outputTokens: 50n, reasoningTokens: 20n })).toBe(44_000n);
    expect(callCost(price, { inputTokens: 1n << 62n, cachedInputTokens: 0n, outputTokens: 0n, reasoningTokens: 0n })).toBe(MAX_CALL_NANO);
    expect([believedTokens(7n), believedTokens(1n << 63n)]).toEqual([7n, MAX_CALL_TOKENS]);
    expect([least(1n, 2n), least(2n, 1n), most(1n, 2n), most(2n, 1n)]).toEqual([1n, 1n, 2n, 2n]);
  });

  it('is none for a model without a price', () => {
    expect(callCost(freePrice('small', 'USD'), { inputTokens: 9n, cachedInputTokens: 0n, outputTokens: 9n, reasoningTokens: 0n })).toBe(0n);
  });
});
