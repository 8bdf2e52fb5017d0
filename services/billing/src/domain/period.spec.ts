import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { dateOf, dayOf, isPeriod, monthStart, periodAround, previousMonthStart } from './period.ts';

const days = fc.integer({ min: 0, max: 60_000 });

describe('a period', () => {
  it('is written as a date, as far as there are dates', () => {
    expect([20_780, 0, -1, 100_000_000, 100_000_001].map(dateOf)).toEqual(['2026-11-23', '1970-01-01', '1969-12-31', '+275760-09-13', 'day 100000001']);
  });

  it('is a day of UTC, a month of the calendar, or all time', () => {
    expect([isPeriod('day'), isPeriod('month'), isPeriod('none'), isPeriod('week'), isPeriod('')]).toEqual([true, true, true, false, false]);
    const leap = dayOf(Date.parse('2028-02-29T23:59:59.999Z'));
    expect(periodAround('day', leap, 0)).toEqual({ fromDay: leap, toDay: leap });
    expect(Object.values(periodAround('month', leap, 0)).map(dateOf)).toEqual(['2028-02-01', '2028-02-29']);
    expect(periodAround('none', leap, 7)).toEqual({ fromDay: 7, toDay: Number.MAX_SAFE_INTEGER });
  });

  it('has no day between two months and no day in two', () => {
    fc.assert(fc.property(days, (day) => {
      const { fromDay, toDay } = periodAround('month', day, 0);
      expect(fromDay <= day && day <= toDay).toBe(true);
      expect(dateOf(fromDay).slice(8)).toBe('01');
      expect(dateOf(toDay + 1).slice(8)).toBe('01');
      expect(dateOf(fromDay).slice(0, 7)).toBe(dateOf(toDay).slice(0, 7));
      expect(monthStart(toDay)).toBe(fromDay);
      expect(previousMonthStart(day)).toBe(monthStart(fromDay - 1));
    }));
  });
});
