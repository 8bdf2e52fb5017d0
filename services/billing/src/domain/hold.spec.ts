import { describe, expect, it } from '@jest/globals';
import { settlementOf } from './hold.ts';

describe('what a cost takes out of budgets', () => {
  it('is all of it without a limit, and at most the hold with one; the rest is overrun', () => {
    const hold = { amountNano: 80n, limited: true, outputTokens: 10n };
    expect(settlementOf(hold, 79n)).toEqual({ costNano: 79n, overrunNano: 0n, spentNano: 79n });
    expect(settlementOf(hold, 81n)).toEqual({ costNano: 81n, overrunNano: 1n, spentNano: 80n });
    expect(settlementOf({ ...hold, limited: false }, 81n)).toEqual({ costNano: 81n, overrunNano: 0n, spentNano: 81n });
  });
});
