/** How long a budget counts before it begins anew: by the calendar, in UTC, or `none`: from when that was first set, for ever. */
export type Period = 'day' | 'month' | 'none';

export const DAY_MS = 86_400_000;

/** Days of a budget's period, both included. Days are counted since the Unix epoch, in UTC. */
export interface DayRange {
  readonly fromDay: number;
  readonly toDay: number;
}

export function isPeriod(text: string): text is Period {
  return text === 'day' || text === 'month' || text === 'none';
}

export function dayOf(ms: number): number {
  return Math.floor(ms / DAY_MS);
}

/** The furthest day that a date can name, either way (ECMA-262, time values). */
const MAX_DAY = 100_000_000;

/** As people write a day, in UTC: `2026-01-31`. */
export function dateOf(day: number): string {
  return Math.abs(day) <= MAX_DAY ? new Date(day * DAY_MS).toISOString().replace(/T.*$/, '') : `day ${day}`;
}

export function monthStart(day: number): number {
  const date = new Date(day * DAY_MS);
  return dayOf(Date.UTC(date.getUTCFullYear(), date.getUTCMonth(), 1));
}

/** First day of the month before: what is older matters to no period that a running call can belong to. */
export function previousMonthStart(day: number): number {
  return monthStart(monthStart(day) - 1);
}

/** The period that a day lies in. */
export function periodAround(period: Period, day: number, sinceDay: number): DayRange {
  if (period === 'day') return { fromDay: day, toDay: day };
  if (period === 'none') return { fromDay: sinceDay, toDay: Number.MAX_SAFE_INTEGER };
  const fromDay = monthStart(day);
  return { fromDay, toDay: monthStart(fromDay + 31) - 1 };
}
