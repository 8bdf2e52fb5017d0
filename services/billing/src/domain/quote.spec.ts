import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { MAX_CALL_NANO, MAX_CALL_TOKENS } from '@sluice/pricing';
import { affordableOutput, amountFor, quote, worstCase } from './quote.ts';

const nano = fc.bigInt({ min: 0n, max: 1_000n });
const prices = fc.record({ inputNano: nano, cachedInputNano: nano, outputNano: nano, reasoningNano: nano });
const wanted = fc.record({ inputTokensBound: nano, outputTokens: nano, outputTokensBound: nano, leastOutputTokens: nano });

describe('a quote', () => {
  it('never exceeds the room, covers all that fits, and is refused only when the least that is of use does not', () => {
    fc.assert(fc.property(prices, wanted, fc.bigInt({ min: -100n, max: 2_000_000n }), (price, asked, room) => {
      const worst = worstCase(price, asked.inputTokensBound);
      const ofUse = asked.leastOutputTokens > 1n ? asked.leastOutputTokens : 1n;
      const least = amountFor(worst, asked.outputTokens < ofUse ? asked.outputTokens : ofUse);
      const given = quote(worst, asked, room);
      expect(given === undefined).toBe(least > 0n && least > room);
      if (!given) return;
      expect(given.amountNano === 0n || given.amountNano <= room).toBe(true);
      expect(given.amountNano).toBe(amountFor(worst, given.outputTokens));
      const isFree = worst.nanoPerOutputToken === 0n;
      expect(isFree || given.outputTokens <= asked.outputTokens).toBe(true);
      // One token more would not fit, or was not wanted.
      expect(isFree || given.outputTokens === asked.outputTokens || amountFor(worst, given.outputTokens + 1n) > room).toBe(true);
      if (asked.outputTokensBound > 0n) expect(given.affordableOutputTokens <= asked.outputTokensBound).toBe(true);
    }));
  });

  it('is tight exactly where less input could cover more of what is wanted, or hardly anything is left beside it; never where input is free', () => {
    fc.assert(fc.property(prices, wanted, fc.bigInt({ min: 0n, max: 4_000_000n }), fc.bigInt({ min: 0n, max: 1_000n }), (price, asked, room, fewer) => {
      const worst = worstCase(price, asked.inputTokensBound);
      const given = quote(worst, asked, room);
      const exact = quote(worstCase(price, fewer), asked, room);
      if (!given || worst.nanoPerOutputToken === 0n) return;
      const isBetter = fewer < asked.inputTokensBound && (exact!.outputTokens > given.outputTokens || (asked.outputTokensBound > 0n && exact!.affordableOutputTokens > given.affordableOutputTokens));
      expect(given.isTight || !isBetter).toBe(true);
      expect(given.isTight && worst.inputNano === 0n).toBe(false);
      const isFull = given.outputTokens === asked.outputTokens && (asked.outputTokensBound === 0n || given.affordableOutputTokens === asked.outputTokensBound);
      if (isFull && asked.outputTokensBound >= asked.outputTokens) expect(given.isTight).toBe(worst.inputNano > 0n && room < 2n * worst.inputNano);
    }));
  });

  it('covers all output where output costs nothing', () => {
    const worst = worstCase({ inputNano: 2n, cachedInputNano: 0n, outputNano: 0n, reasoningNano: 0n }, 10n);
    expect(quote(worst, { inputTokensBound: 10n, outputTokens: 5n, outputTokensBound: 70n, leastOutputTokens: 0n }, 20n)).toEqual({ amountNano: 20n, outputTokens: 70n, affordableOutputTokens: 70n, isTight: false });
    expect(quote(worst, { inputTokensBound: 10n, outputTokens: 5n, outputTokensBound: 0n, leastOutputTokens: 0n }, 20n)?.affordableOutputTokens).toBe(MAX_CALL_TOKENS);
    expect(quote(worst, { inputTokensBound: 10n, outputTokens: 5n, outputTokensBound: 0n, leastOutputTokens: 0n }, 19n)).toBeUndefined();
  });

  it('without a budget holds what is wanted and limits nothing', () => {
    const worst = worstCase({ inputNano: 2n, cachedInputNano: 9n, outputNano: 4n, reasoningNano: 3n }, 10n);
    expect(quote(worst, { inputTokensBound: 10n, outputTokens: 5n, outputTokensBound: 0n, leastOutputTokens: 0n }, undefined)).toEqual({ amountNano: 110n, outputTokens: 5n, affordableOutputTokens: 0n, isTight: false });
    expect(affordableOutput(worst, 89n)).toBe(-1n);
    expect(affordableOutput(worst, 97n)).toBe(1n);
  });

  it('believes no number of tokens beyond reason', () => {
    const worst = worstCase({ inputNano: 10n ** 12n, cachedInputNano: 0n, outputNano: 10n ** 12n, reasoningNano: 0n }, 1n << 64n);
    expect(quote(worst, { inputTokensBound: 1n << 64n, outputTokens: 1n << 64n, outputTokensBound: 0n, leastOutputTokens: 0n }, undefined)?.amountNano).toBe(MAX_CALL_NANO);
  });
});
