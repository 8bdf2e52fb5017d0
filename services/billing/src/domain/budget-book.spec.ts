import { beforeEach, describe, expect, it } from '@jest/globals';
import { countsOf, granted, isRefusal, PRICE, requestOf, setCap, SUBJECTS } from '../testing/holds.ts';
import { BudgetBook } from './budget-book.ts';
import type { RecordedHold } from './hold.ts';

const [ORGANISATION, PROJECT, KEY] = SUBJECTS as [typeof SUBJECTS[0], typeof SUBJECTS[0], typeof SUBJECTS[0]];
let book: BudgetBook;
beforeEach(() => { book = new BudgetBook(); });

const moneyOf = (subject = KEY, day = 100) => {
  const { spentNano, settlingNano, heldNano } = book.account(subject).standing(day);
  return [spentNano, settlingNano, heldNano];
};
const recorded = (callId: string, more: Partial<RecordedHold> = {}): RecordedHold =>
  ({ callId, subjects: SUBJECTS, price: PRICE, day: 100, producer: 'gateway', epoch: 1n, amountNano: 80n, limited: true, outputTokens: 10n, ...more });
const endOf = (callId: string, spentNano: bigint, day = 100) => book.end({ callId, subjects: SUBJECTS, day, spentNano });

describe('a hold', () => {
  it('is set aside at every level at once, whether or not there is a budget', () => {
    const hold = granted(book.hold(requestOf('a')));
    expect(hold).toMatchObject({ amountNano: 80n, limited: false, outputTokens: 10n, affordableOutputTokens: 0n });
    for (const subject of SUBJECTS) expect(moneyOf(subject)).toEqual([0n, 0n, 80n]);
  });

  it('holds the dearer of two prices for input and for output', () => {
    const price = { ...PRICE, cachedInputNano: 7n, reasoningNano: 11n };
    expect(granted(book.hold(requestOf('a', { price }))).amountNano).toBe(180n);
  });

  it('is refused at one level without a trace at any', () => {
    setCap(book, PROJECT, 34n);
    expect(book.hold(requestOf('a'))).toMatchObject({ subject: PROJECT, cap: { amountNano: 34n }, spentNano: 0n, heldNano: 0n });
    for (const subject of SUBJECTS) expect(moneyOf(subject)).toEqual([0n, 0n, 0n]);
    expect(book.holds).toBe(0);
  });

  it('covers less output where there is no room for all, down to one token, and says what is affordable', () => {
    setCap(book, ORGANISATION, 1000n);
    setCap(book, KEY, 35n);
    expect(book.hold(requestOf('a'))).toMatchObject({ amountNano: 35n, outputTokens: 1n, affordableOutputTokens: 1n, limited: true });
    expect(isRefusal(book.hold(requestOf('b')))).toBe(true);
  });

  it('says how much output the tightest budget affords, at most what was asked for', () => {
    setCap(book, KEY, 30n + 60n * 5n);
    expect(book.hold(requestOf('a'))).toMatchObject({ outputTokens: 10n, affordableOutputTokens: 60n });
    setCap(book, KEY, 10n ** 9n);
    expect(book.hold(requestOf('b'))).toMatchObject({ affordableOutputTokens: 100n });
  });

  it('gives the same answer to the same call', () => {
    setCap(book, KEY, 80n);
    const first = granted(book.hold(requestOf('a')));
    expect(book.hold(requestOf('a', { outputTokens: 50n }))).toBe(first);
    expect(moneyOf()).toEqual([0n, 0n, 80n]);
  });

  it('is quoted anew for the same call with another count of its input: what it held is there for it, and no second hold is left', () => {
    setCap(book, KEY, 100n);
    granted(book.hold(requestOf('other', { inputTokensBound: 1n, outputTokens: 1n })));
    expect(granted(book.hold(requestOf('a', { inputTokensBound: 25n })))).toMatchObject({ amountNano: 90n, outputTokens: 3n, affordableOutputTokens: 3n, isTight: true });
    const exact = granted(book.hold(requestOf('a', { inputTokensBound: 4n })));
    expect(exact).toMatchObject({ amountNano: 62n, outputTokens: 10n, affordableOutputTokens: 16n });
    expect([book.holds, moneyOf()]).toEqual([2, [0n, 0n, 70n]]);
    expect(book.hold(requestOf('a', { inputTokensBound: 4n }))).toBe(exact);
    book.release('a');
    expect(moneyOf()).toEqual([0n, 0n, 8n]);
  });

  it('is refused where the least output that is of use does not fit, and says whether it would without the holds of others', () => {
    const book = new BudgetBook();
    setCap(book, SUBJECTS[2]!, 200n);
    granted(book.hold(requestOf('other')));
    const asked = (leastOutputTokens: bigint) => book.hold(requestOf(`least-${leastOutputTokens}`, { outputTokens: 100n, leastOutputTokens }));
    expect([19n, 35n].map((least) => asked(least))).toMatchObject([{ fitsWithoutHolds: true, heldNano: 80n }, { fitsWithoutHolds: false }]);
    expect(granted(asked(18n)).outputTokens).toBe(18n);
  });

  it('stays as it is where an extension cannot cover the least that is of use', () => {
    const book = new BudgetBook();
    setCap(book, SUBJECTS[2]!, 200n);
    granted(book.hold(requestOf('call')));
    expect(book.extend('call', 40n, undefined, undefined, 40n)).toMatchObject({ outputTokens: 10n, amountNano: 80n });
    expect(book.extend('call', 40n, undefined, undefined, 34n)).toMatchObject({ outputTokens: 34n, amountNano: 200n });
  });

  it('is not worth to be asked again when another level would refuse it without any holds', () => {
    const book = new BudgetBook();
    setCap(book, SUBJECTS[2]!, 100n);
    setCap(book, SUBJECTS[0]!, 90n);
    granted(book.hold(requestOf('other')));
    const asked = (inputTokensBound: bigint) => book.hold(requestOf(`input-${inputTokensBound}`, { inputTokensBound }));
    expect([asked(10n), asked(29n)]).toMatchObject([{ fitsWithoutHolds: true }, { fitsWithoutHolds: false }]);
  });

  it('is given to a call that was refused for its input and fits by a better count, and taken from one that no longer fits', () => {
    setCap(book, KEY, 30n);
    expect(book.hold(requestOf('a', { inputTokensBound: 9n }))).toMatchObject({ subject: KEY, isTight: true });
    expect(granted(book.hold(requestOf('a', { inputTokensBound: 8n })))).toMatchObject({ amountNano: 29n, outputTokens: 1n });
    expect(book.hold(requestOf('a', { inputTokensBound: 9n }))).toMatchObject({ subject: KEY, isTight: true, heldNano: 0n });
    expect([book.holds, moneyOf()]).toEqual([0, [0n, 0n, 0n]]);
    for (const [cap, inputTokensBound, isTight] of [[7n, 10n, false], [8n, 10n, true], [34n, 10_240n, false], [35n, 10_240n, true]] as const) {
      setCap(book, KEY, cap);
      expect(book.hold(requestOf('a', { inputTokensBound }))).toMatchObject({ subject: KEY, isTight });
    }
  });

  it('is not quoted anew once it was extended, settled or is on the record', () => {
    for (const [call, use] of [['a', () => book.extend('a', 12n)], ['b', () => book.settle('b', countsOf(10n, 2n))], ['c', () => book.adopt(recorded('c'))]] as const) {
      const hold = granted(book.hold(requestOf(call)));
      use();
      const { amountNano, outputTokens } = hold;
      expect(granted(book.hold(requestOf(call, { inputTokensBound: 1n })))).toBe(hold);
      expect(hold).toMatchObject({ amountNano, outputTokens });
    }
    book.adopt(recorded('d'));
    expect(granted(book.hold(requestOf('d', { inputTokensBound: 1n })))).toMatchObject({ amountNano: 80n });
  });

  it('is given for nothing where the model has no price, also when the budget is exhausted', () => {
    setCap(book, KEY, 80n);
    granted(book.hold(requestOf('a')));
    const free = { ...PRICE, inputNano: 0n, cachedInputNano: 0n, outputNano: 0n, reasoningNano: 0n };
    expect(book.hold(requestOf('b', { price: free }))).toMatchObject({ amountNano: 0n, limited: false, outputTokens: 100n });
  });

  it('is not given in an epoch that is closed', () => {
    book.closeEpoch({ producer: 'gateway', epoch: 1n });
    expect(() => book.hold(requestOf('a'))).toThrow(expect.objectContaining({ code: 'epoch_lost' }));
    granted(book.hold(requestOf('a', { epoch: 2n })));
  });
});

describe('an extension', () => {
  it('covers what is affordable and never less than before', () => {
    setCap(book, KEY, 100n);
    granted(book.hold(requestOf('a')));
    expect(book.extend('a', 12n)).toMatchObject({ amountNano: 90n, outputTokens: 12n });
    expect(book.extend('a', 5n)).toMatchObject({ amountNano: 90n, outputTokens: 12n });
    expect(book.extend('a', 50n)).toMatchObject({ amountNano: 100n, outputTokens: 14n });
    expect(book.extend('a', 50n)).toMatchObject({ amountNano: 100n, outputTokens: 14n });
  });

  it('covers output with what was held for more input than there is, and takes nothing back', () => {
    setCap(book, KEY, 100n);
    granted(book.hold(requestOf('a', { inputTokensBound: 25n })));
    expect(book.extend('a', 50n)).toMatchObject({ amountNano: 100n, outputTokens: 5n });
    expect(book.extend('a', 50n, undefined, 10n)).toMatchObject({ amountNano: 100n, outputTokens: 14n });
    expect(book.extend('a', 50n, undefined, 20n)).toMatchObject({ amountNano: 100n, outputTokens: 14n });
    expect(book.settle('a', countsOf(10n, 14n))).toEqual({ costNano: 100n, overrunNano: 0n });
    book.adopt(recorded('b', { amountNano: 90n, outputTokens: 3n }));
    expect(book.extend('b', 9n, undefined, 10n)).toMatchObject({ amountNano: 90n, outputTokens: 9n });
  });

  it('covers what an upstream reported above the bound, as far as the budget goes', () => {
    setCap(book, KEY, 200n);
    granted(book.hold(requestOf('a')));
    expect(book.extend('a', 10n, countsOf(40n, 10n))).toMatchObject({ amountNano: 170n, outputTokens: 10n });
    expect(book.extend('a', 10n, countsOf(100n, 10n))).toMatchObject({ amountNano: 200n });
    expect(book.settle('a', countsOf(100n, 10n))).toEqual({ costNano: 350n, overrunNano: 150n });
  });

  it('obeys a budget that was set while the call ran, and is free again without it', () => {
    granted(book.hold(requestOf('a')));
    setCap(book, KEY, 85n);
    expect(book.extend('a', 100n)).toMatchObject({ limited: true, amountNano: 85n, outputTokens: 11n });
    book.account(KEY).setCap(undefined);
    expect(book.extend('a', 100n)).toMatchObject({ limited: false, amountNano: 530n, outputTokens: 100n });
  });
});

describe('a settlement', () => {
  it('makes room at once, before the log tells of it, and counts once', () => {
    setCap(book, KEY, 80n);
    granted(book.hold(requestOf('a')));
    expect(book.settle('a', countsOf(10n, 2n))).toEqual({ costNano: 40n, overrunNano: 0n });
    expect(moneyOf()).toEqual([0n, 40n, 0n]);
    granted(book.hold(requestOf('b', { outputTokens: 2n })));
    endOf('a', 40n);
    expect(moneyOf()).toEqual([40n, 0n, 40n]);
  });

  it('of the same call again is the first one', () => {
    granted(book.hold(requestOf('a')));
    const first = book.settle('a', countsOf(10n, 2n));
    expect(book.settle('a', countsOf(10n, 9n))).toBe(first);
    expect(book.extend('a', 90n).amountNano).toBe(80n);
    expect(moneyOf()).toEqual([0n, 40n, 0n]);
  });

  it('follows the record where the two differ', () => {
    granted(book.hold(requestOf('a')));
    book.settle('a', countsOf(10n, 10n));
    endOf('a', 35n);
    for (const subject of SUBJECTS) expect(moneyOf(subject)).toEqual([35n, 0n, 0n]);
  });

  it('of a call without a limit spends all that it cost', () => {
    granted(book.hold(requestOf('a')));
    expect(book.settle('a', countsOf(10n, 100n))).toEqual({ costNano: 530n, overrunNano: 0n });
  });
});

describe('a hold whose call', () => {
  it('was refused or never came into the log is returned, by the close of its epoch and not before', () => {
    granted(book.hold(requestOf('never')));
    granted(book.hold(requestOf('settled')));
    granted(book.hold(requestOf('refused')));
    granted(book.hold(requestOf('next', { epoch: 2n })));
    granted(book.hold(requestOf('other', { producer: 'gateway-2' })));
    book.settle('settled', countsOf(10n, 10n));
    book.release('refused');
    expect(moneyOf()).toEqual([0n, 80n, 240n]);
    book.closeEpoch({ producer: 'gateway', epoch: 1n });
    expect(moneyOf()).toEqual([0n, 0n, 160n]);
    book.closeEpoch({ producer: 'gateway', epoch: 2n });
    expect(moneyOf()).toEqual([0n, 0n, 80n]);
  });

  it('was admitted before a restart is taken over from the log, with each extension that it tells of', () => {
    setCap(book, KEY, 100n);
    book.adopt(recorded('a'));
    expect(moneyOf()).toEqual([0n, 0n, 80n]);
    book.adopt(recorded('a', { amountNano: 90n, outputTokens: 12n }));
    expect(granted(book.hold(requestOf('a')))).toMatchObject({ amountNano: 90n, outputTokens: 12n });
    expect(book.extend('a', 14n)).toMatchObject({ amountNano: 100n, outputTokens: 14n });
    endOf('a', 70n);
    expect(moneyOf()).toEqual([70n, 0n, 0n]);
  });

  it('is held here is not changed by what the log tells of it later', () => {
    granted(book.hold(requestOf('a')));
    book.extend('a', 20n);
    book.adopt(recorded('a'));
    expect(book.holdOf('a')).toMatchObject({ amountNano: 130n, outputTokens: 20n });
  });

  it('has ended on the record cannot be extended or settled any more', () => {
    granted(book.hold(requestOf('a')));
    endOf('a', 1n);
    for (const late of [() => book.extend('a', 9n), () => book.settle('a', countsOf(1n, 1n))]) expect(late).toThrow(expect.objectContaining({ code: 'failed_precondition' }));
  });
});

describe('a budget that comes while a call runs', () => {
  it('counts what was produced before it, and stops the call at its next extension like any other', () => {
    const book = new BudgetBook();
    expect(granted(book.hold(requestOf('a')))).toMatchObject({ limited: false, amountNano: 80n });
    // Without a budget everything is covered, in steps; what is covered may have been produced.
    expect(book.extend('a', 266n)).toMatchObject({ limited: false, amountNano: 1_360n, outputTokens: 266n });
    setCap(book, SUBJECTS[2]!, 2_000n);
    expect(book.account(SUBJECTS[2]!).room(100)).toBe(640n);
    expect(book.extend('a', 522n)).toMatchObject({ limited: true, amountNano: 2_000n, outputTokens: 394n });
    expect(book.extend('a', 778n)).toMatchObject({ limited: true, amountNano: 2_000n, outputTokens: 394n });
    expect(book.settle('a', countsOf(10n, 400n))).toEqual({ costNano: 2_030n, overrunNano: 30n });
    expect(book.account(SUBJECTS[2]!).room(100)).toBe(0n);
  });

  it('and is below what is held already covers no token more, and takes nothing back', () => {
    const book = new BudgetBook();
    book.hold(requestOf('a'));
    book.extend('a', 266n);
    setCap(book, SUBJECTS[0]!, 100n);
    expect(book.extend('a', 522n)).toMatchObject({ limited: true, amountNano: 1_360n, outputTokens: 266n });
    expect(book.settle('a', countsOf(10n, 266n))).toEqual({ costNano: 1_360n, overrunNano: 0n });
    expect(book.account(SUBJECTS[0]!).room(100)).toBe(-1_260n);
  });

  it('does not limit what costs nothing, and lets go when it is removed', () => {
    const book = new BudgetBook();
    book.hold(requestOf('free', { price: { ...PRICE, inputNano: 0n, cachedInputNano: 0n, outputNano: 0n, reasoningNano: 0n } }));
    book.hold(requestOf('a'));
    setCap(book, SUBJECTS[2]!, 80n);
    expect(book.extend('free', 1_000n)).toMatchObject({ limited: false, outputTokens: 1_000n });
    expect(book.extend('a', 1_000n)).toMatchObject({ limited: true, outputTokens: 10n });
    book.account(SUBJECTS[2]!).setCap(undefined);
    expect(book.extend('a', 1_000n)).toMatchObject({ limited: false, outputTokens: 1_000n });
  });
});
