import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { believedCounts, believedTokens, costNano, MAX_CALL_NANO, MAX_CALL_TOKENS, overrunNano } from './cost.ts';

const PRICES = { inputNano: 150n, cachedInputNano: 75n, outputNano: 600n, reasoningNano: 700n };
const tokens = fc.bigInt({ min: 0n, max: 10n ** 9n });
const counts = fc.record({ inputTokens: tokens, cachedInputTokens: tokens, outputTokens: tokens, reasoningTokens: tokens });

describe('the cost of a call', () => {
  it('takes cached input out of input and reasoning out of output, once', () => {
    expect(costNano(PRICES, { inputTokens: 100n, cachedInputTokens: 40n, outputTokens: 50n, reasoningTokens: 20n })).toBe(60n * 150n + 40n * 75n + 30n * 600n + 20n * 700n);
  });

  it('is exact up to the most that is believed, to the last unit', () => {
    expect(costNano({ ...PRICES, inputNano: 333_333_333_333_333n }, { inputTokens: 3n, cachedInputTokens: 0n, outputTokens: 0n, reasoningTokens: 0n })).toBe(999_999_999_999_999n);
  });

  it('fits the tables whatever a backend counts and whatever price a record has', () => {
    const far = 2n ** 53n - 1n;
    expect(costNano({ ...PRICES, outputNano: 2_000n }, { inputTokens: 7n, cachedInputTokens: 0n, outputTokens: far, reasoningTokens: 0n })).toBe(7n * 150n + MAX_CALL_TOKENS * 2_000n);
    const any = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 64n - 1n });
    const prices = fc.record({ inputNano: any, cachedInputNano: any, outputNano: any, reasoningNano: any });
    const anyCounts = fc.record({ inputTokens: any, cachedInputTokens: any, outputTokens: any, reasoningTokens: any });
    fc.assert(
      fc.property(prices, anyCounts, (price, given) => {
        const cost = costNano(price, given);
        expect(cost >= 0n && cost <= MAX_CALL_NANO).toBe(true);
      }),
    );
    expect([believedTokens(-1n), believedTokens(7n), believedTokens(1n << 63n)]).toEqual([0n, 7n, MAX_CALL_TOKENS]);
  });

  it('believes no more cached input than input, and no more reasoning than output', () => {
    expect(believedCounts({ inputTokens: 765n, cachedInputTokens: 900n, outputTokens: 20n, reasoningTokens: 21n })).toEqual({ inputTokens: 765n, cachedInputTokens: 765n, outputTokens: 20n, reasoningTokens: 20n });
    fc.assert(fc.property(counts, (given) => expect(costNano(PRICES, believedCounts(given))).toBe(costNano(PRICES, given))));
  });

  it('above a limited hold is overrun, never more than the cost, and without a limit there is none', () => {
    expect([[9n, 20n, true], [20n, 20n, true], [21n, 20n, true], [21n, -5n, true], [21n, 20n, false]].map(([cost, amountNano, limited]) => overrunNano(cost as bigint, { amountNano: amountNano as bigint, limited: limited as boolean }))).toEqual([0n, 0n, 1n, 21n, 0n]);
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
