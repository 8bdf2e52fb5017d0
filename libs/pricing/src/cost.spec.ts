import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { costNano } from './cost.ts';

const PRICES = { inputNano: 150n, cachedInputNano: 75n, outputNano: 600n, reasoningNano: 700n };
const tokens = fc.bigInt({ min: 0n, max: 10n ** 9n });
const counts = fc.record({ inputTokens: tokens, cachedInputTokens: tokens, outputTokens: tokens, reasoningTokens: tokens });

describe('the cost of a call', () => {
  it('takes cached input out of input and reasoning out of output, once', () => {
    expect(costNano(PRICES, { inputTokens: 100n, cachedInputTokens: 40n, outputTokens: 50n, reasoningTokens: 20n })).toBe(60n * 150n + 40n * 75n + 30n * 600n + 20n * 700n);
  });

  it('is exact beyond what a double holds', () => {
    expect(costNano({ ...PRICES, inputNano: 9_007_199_254_740_993n }, { inputTokens: 3n, cachedInputTokens: 0n, outputTokens: 0n, reasoningTokens: 0n })).toBe(27_021_597_764_222_979n);
  });

  it('never lies below the cheapest nor above the dearest price of each token', () => {
    fc.assert(
      fc.property(counts, (given) => {
        const cost = costNano(PRICES, given);
        expect(cost).toBeGreaterThanOrEqual(given.inputTokens * 75n + given.outputTokens * 600n);
        expect(cost).toBeLessThanOrEqual(given.inputTokens * 150n + given.outputTokens * 700n);
      }),
    );
  });
});
