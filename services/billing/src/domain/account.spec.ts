import { describe, expect, it } from '@jest/globals';
import { Account, MAX_KEPT_DAYS, type Cap } from './account.ts';
import { dayOf } from './period.ts';

const day = (text: string): number => dayOf(Date.parse(`${text}T00:00:00Z`));
const cap = (period: Cap['period'], more: Partial<Cap> = {}): Cap => ({ amountNano: 100n, period, sinceDay: 0, baselineNano: 0n, ...more });
const account = (): Account => new Account({ level: 'key', id: 'key' });
const spent = (spentNano: bigint) => ({ spentNano, settlingNano: 0n, heldNano: 0n });
const held = (heldNano: bigint) => ({ spentNano: 0n, settlingNano: 0n, heldNano });

describe('an account', () => {
  it('begins each day anew under a cap by the day, and each month under one by the month', () => {
    const [daily, monthly] = [account(), account()];
    daily.setCap(cap('day'));
    monthly.setCap(cap('month'));
    for (const [at, daysLeft, monthsLeft] of [['2026-01-30', 70n, 70n], ['2026-01-31', 70n, 40n], ['2026-02-01', 70n, 70n], ['2026-03-01', 70n, 70n]] as const) {
      for (const one of [daily, monthly]) {
        one.room(day(at));
        one.change(day(at), spent(30n));
      }
      expect([daily.room(day(at)), monthly.room(day(at))]).toEqual([daysLeft, monthsLeft]);
    }
  });

  it('leaves what is held over the end of a period in the period that it was held in', () => {
    const one = account();
    one.setCap(cap('day'));
    one.change(10, held(90n));
    expect([one.room(11), one.room(10)]).toEqual([100n, 10n]);
    one.change(10, { spentNano: 50n, settlingNano: 0n, heldNano: -90n });
    expect([one.room(11), one.room(10), one.heldNano]).toEqual([100n, 50n, 0n]);
  });

  it('counts for ever without a period, from when the cap was set', () => {
    const one = account();
    one.change(10, spent(25n));
    one.setCap(cap('none', { sinceDay: 10, baselineNano: 20n }));
    expect(one.room(10)).toBe(95n);
    // Years later the days are no longer kept one by one, and count all the same.
    for (let at = 11; at < 1_000; at += 45) one.change(at, spent(1n));
    expect(one.room(1_000)).toBe(95n - 22n);
    one.change(12, spent(3n));
    expect(one.room(1_000)).toBe(95n - 25n);
    one.setCap(cap('none', { sinceDay: 10, baselineNano: 20n, amountNano: 50n }));
    expect(one.room(1_000)).toBe(20n);
  });

  it('that counts without a period goes on where it stood after one by the day, also with what it let go of meanwhile', () => {
    const one = account();
    one.setCap(cap('none', { sinceDay: 10, baselineNano: 20n, amountNano: 1_000n }));
    one.change(10, spent(25n));
    one.setCap(cap('day', { sinceDay: 10, baselineNano: 20n }));
    for (let at = 11; at < 11 + 2 * MAX_KEPT_DAYS; at++) one.change(at, spent(1n));
    expect([one.room(10 + 2 * MAX_KEPT_DAYS), one.days]).toEqual([99n, MAX_KEPT_DAYS]);
    const again = cap('none', { sinceDay: 10, baselineNano: 20n, amountNano: 1_000n });
    const expected = 5n + 2n * BigInt(MAX_KEPT_DAYS);
    expect(one.totalUnder(again, 10 + 2 * MAX_KEPT_DAYS)).toBe(expected);
    one.setCap(again);
    expect(one.room(10 + 2 * MAX_KEPT_DAYS)).toBe(1_000n - expected);
  });

  it('takes over what was spent before the days it was told of', () => {
    const one = account();
    one.change(100, spent(1n));
    one.setCap(cap('none', { sinceDay: 10 }), 60n);
    expect(one.room(100)).toBe(39n);
    expect(one.standing(100)).toEqual({ spentNano: 61n, settlingNano: 0n, heldNano: 0n });
  });

  it('has no room under a cap that was lowered, and is as it was without one', () => {
    const one = account();
    one.change(10, held(90n));
    one.setCap(cap('day', { amountNano: 50n }));
    expect(one.room(10)).toBe(-40n);
    one.setCap(undefined);
    expect(one.room(10)).toBeUndefined();
    one.setCap(cap('month'));
    expect(one.room(10)).toBe(10n);
  });

  it('tells what a cap would count before it is set', () => {
    const one = account();
    one.change(40, spent(7n));
    one.change(41, held(5n));
    expect(['day', 'month', 'none'].map((period) => one.totalUnder(cap(period as Cap['period'], { sinceDay: 41, baselineNano: 0n }), 41))).toEqual([5n, 12n, 5n]);
    one.setCap(cap('none', { sinceDay: 1 }), 100n);
    expect([one.totalUnder(cap('none', { sinceDay: 1 }), 41), one.totalUnder(cap('none', { sinceDay: 41 }), 41)]).toEqual([112n, 5n]);
  });

  it('keeps an old day while something is held on it', () => {
    const one = account();
    one.setCap(cap('day'));
    one.change(10, held(5n));
    for (let at = 11; at < 200; at++) one.change(at, spent(1n));
    expect(one.heldNano).toBe(5n);
    one.change(10, held(-5n));
    expect(one.heldNano).toBe(0n);
  });

  it('is not lost by a clock that was ahead, for a day or for a month', () => {
    const one = new Account({ level: 'key', id: 'key' });
    one.setCap({ amountNano: 100n, period: 'month', sinceDay: 0, baselineNano: 0n });
    const NONE = { spentNano: 0n, settlingNano: 0n, heldNano: 0n };
    // Three months of business, each day with its money; 20,000 is a 4th.
    for (let day = 19_900; day <= 20_000; day++) one.change(day, { ...NONE, spentNano: 25n });
    expect(one.room(20_000)).toBe(0n);
    for (let ahead = 0; ahead < 31; ahead++) {
      expect(one.room(20_100 + ahead)).toBeGreaterThan(0n);
      one.change(20_100 + ahead, { ...NONE, spentNano: 1n });
      expect(one.room(20_000)).toBe(0n);
    }
    one.change(20_001, { ...NONE, spentNano: 1n });
    expect(one.room(20_001)).toBe(-1n);
  });

  it('keeps a bounded number of days, and counts those that it let go of where there is no period', () => {
    const one = new Account({ level: 'key', id: 'key' });
    one.setCap({ amountNano: 1_000n, period: 'none', sinceDay: 100, baselineNano: 0n });
    for (let day = 100; day < 100 + 3 * MAX_KEPT_DAYS; day++) one.change(day, { spentNano: 1n, settlingNano: 0n, heldNano: 0n });
    expect(one.room(100 + 3 * MAX_KEPT_DAYS)).toBe(1_000n - 3n * BigInt(MAX_KEPT_DAYS));
    expect(one.days).toBe(MAX_KEPT_DAYS);
  });
});
