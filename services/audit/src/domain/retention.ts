const DAY_MS = 86_400_000;

/** A calendar month in UTC: whole months are what retention removes. */
export interface Month {
  /** `2026_11`: part of the partition's name. */
  readonly name: string;
  readonly startMs: number;
  /** First millisecond of the month that follows. */
  readonly endMs: number;
}

/** The month of a moment. A producer's clock may be wrong: a time in the future counts as now, so that nothing is kept for longer because of it, and one before 1970 as 1970. */
export function monthOf(timeMs: number, nowMs: number): Month {
  const date = new Date(clampTime(timeMs, nowMs));
  return monthAt(date.getUTCFullYear(), date.getUTCMonth());
}

export function clampTime(timeMs: number, nowMs: number): number {
  return Math.max(0, Math.min(timeMs, nowMs));
}

/** The month that a partition's name tells; undefined for any other name. */
export function monthNamed(name: string): Month | undefined {
  const [, year, month] = /^([0-9]{4})_(0[1-9]|1[0-2])$/.exec(name) ?? [];
  return year === undefined ? undefined : monthAt(Number(year), Number(month) - 1);
}

/** Which of the kept months are over for at least the whole retention. Oldest first. */
export function monthsToPrune(kept: readonly Month[], retentionDays: number, nowMs: number): Month[] {
  return kept.filter(({ endMs }) => endMs <= nowMs - retentionDays * DAY_MS).sort((left, right) => left.startMs - right.startMs);
}

function monthAt(year: number, month: number): Month {
  return { name: `${String(year).padStart(4, '0')}_${String(month + 1).padStart(2, '0')}`, startMs: Date.UTC(year, month), endMs: Date.UTC(year, month + 1) };
}
