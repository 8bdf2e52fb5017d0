import { previousMonthStart, periodAround, type DayRange, type Period } from './period.ts';

/** Where money is counted: an organisation, a project, a key, or whatever else may have a budget. */
export interface Subject {
  readonly level: string;
  readonly id: string;
}

/** The most that may be spent at one subject in a period. */
export interface Cap {
  readonly amountNano: bigint;
  readonly period: Period;
  /** First day that counts, for the period `none`. */
  readonly sinceDay: number;
  /** Spent on that day before the budget was set; not counted. */
  readonly baselineNano: bigint;
}

/** Money of one subject in one period. */
export interface Standing {
  /** Spent and on the record. */
  readonly spentNano: bigint;
  /** Spent by calls that have ended, whose end is not taken in from the log yet. */
  readonly settlingNano: bigint;
  readonly heldNano: bigint;
}

type Bucket = { -readonly [Field in keyof Standing]: Standing[Field] };

/**
 * The money of one subject, by day. What a call holds and spends belongs to the day of its hold, so that a period is a
 * range of days: nothing is reset when one ends, and a call that runs across the end stays in the period it began in.
 */
export class Account {
  readonly subject: Subject;
  readonly #days = new Map<number, Bucket>();
  #cap: Cap | undefined;
  /** Spent on days that are no longer kept one by one, as far as the cap counts them. */
  #earlierNano = 0n;
  /** The newest period that was asked for, and all money in it. */
  #range: DayRange | undefined;
  #totalNano = 0n;

  constructor(subject: Subject) {
    this.subject = subject;
  }

  get cap(): Cap | undefined {
    return this.#cap;
  }

  /** Sets, changes or (undefined) removes the cap. `earlierNano`: spent since the cap's first day on days not told by `change`. */
  setCap(cap: Cap | undefined, earlierNano = 0n): void {
    // A cap that goes on counting keeps what it has counted.
    if (!this.#goesOn(cap)) this.#earlierNano = earlierNano;
    this.#cap = cap;
    this.#range = undefined;
  }

  /** Adds to (or takes from) what was spent, is being settled and is held of one day. */
  change(day: number, { spentNano, settlingNano, heldNano }: Standing): void {
    const bucket = this.#days.get(day) ?? this.#newDay(day);
    bucket.spentNano += spentNano;
    bucket.settlingNano += settlingNano;
    bucket.heldNano += heldNano;
    if (this.#range && isWithin(day, this.#range)) this.#totalNano += spentNano + settlingNano + heldNano;
  }

  /** What may still be held in the period of a day; below zero when the cap was lowered under what is there. Undefined: no cap. */
  room(day: number): bigint | undefined {
    if (!this.#cap) return undefined;
    if (!this.#range || day > this.#range.toDay) {
      this.#range = periodAround(this.#cap.period, day, this.#cap.sinceDay);
      this.#totalNano = totalOf(this.#standingIn(this.#range));
    }
    const totalNano = isWithin(day, this.#range) ? this.#totalNano : totalOf(this.standing(day));
    return this.#cap.amountNano - totalNano;
  }

  /** The money of the period of a day: the cap's period, or the day alone where there is no cap. */
  standing(day: number): Standing {
    return this.#standingIn(periodAround(this.#cap?.period ?? 'day', day, this.#cap?.sinceDay ?? day));
  }

  /** All money that would be counted in the period of a day if this cap were set. */
  totalUnder(cap: Cap, day: number): bigint {
    return totalOf(this.#standingIn(periodAround(cap.period, day, cap.sinceDay), cap, this.#goesOn(cap) ? this.#earlierNano : 0n));
  }

  /** Held in all, whatever the day. */
  get heldNano(): bigint {
    let heldNano = 0n;
    for (const bucket of this.#days.values()) heldNano += bucket.heldNano;
    return heldNano;
  }

  #goesOn(cap: Cap | undefined): boolean {
    return cap?.period === 'none' && this.#cap?.period === 'none' && this.#cap.sinceDay === cap.sinceDay;
  }

  #standingIn(range: DayRange, cap = this.#cap, earlierNano = this.#earlierNano): Standing {
    const sum: Bucket = { spentNano: 0n, settlingNano: 0n, heldNano: 0n };
    for (const [day, bucket] of this.#days) {
      if (!isWithin(day, range)) continue;
      sum.spentNano += bucket.spentNano;
      sum.settlingNano += bucket.settlingNano;
      sum.heldNano += bucket.heldNano;
    }
    if (cap?.period === 'none') sum.spentNano += earlierNano - cap.baselineNano;
    return sum;
  }

  /** A new day comes once in a day, so it is the moment to let go of days that no running call and no calendar period needs. */
  #newDay(day: number): Bucket {
    const keptFrom = previousMonthStart(day);
    for (const [old, { spentNano, settlingNano, heldNano }] of this.#days) {
      if (old >= keptFrom || settlingNano !== 0n || heldNano !== 0n) continue;
      this.#days.delete(old);
      if (this.#cap?.period === 'none' && old >= this.#cap.sinceDay) this.#earlierNano += spentNano;
    }
    const bucket: Bucket = { spentNano: 0n, settlingNano: 0n, heldNano: 0n };
    this.#days.set(day, bucket);
    return bucket;
  }
}

function isWithin(day: number, { fromDay, toDay }: DayRange): boolean {
  return day >= fromDay && day <= toDay;
}

function totalOf({ spentNano, settlingNano, heldNano }: Standing): bigint {
  return spentNano + settlingNano + heldNano;
}
