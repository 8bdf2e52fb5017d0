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
  /** First day that counts, for the period `none`; kept while the period is another one. */
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

/**
 * Days with money that are kept one by one: the month that runs, the one before it, and as many again, so that a clock that
 * was ahead for up to a month costs no day of them. The oldest go first, whatever day it is said to be.
 */
export const MAX_KEPT_DAYS = 93;

type Bucket = { -readonly [Field in keyof Standing]: Standing[Field] };

/**
 * The money of one subject, by day. What a call holds and spends belongs to the day of its hold, so that a period is a
 * range of days: nothing is reset when one ends, and a call that runs across the end stays in the period it began in.
 */
export class Account {
  readonly subject: Subject;
  readonly #days = new Map<number, Bucket>();
  #cap: Cap | undefined;
  /** Caps that are being set: they apply beside the one in force, so that nothing is given out meanwhile that they would not allow. */
  readonly #coming = new Set<Cap>();
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
    // A cap that goes on counting from the same day keeps what it has counted.
    if (!this.#goesOn(cap)) this.#earlierNano = earlierNano;
    this.#cap = cap;
    this.#range = undefined;
  }

  /** Lets a cap apply beside the one in force, until the answer is called: when it is in force itself, or will never be. */
  tighten(cap: Cap): () => void {
    this.#coming.add(cap);
    return () => void this.#coming.delete(cap);
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
    let roomNano = this.#roomInForce(day);
    for (const cap of this.#coming) {
      const comingNano = cap.amountNano - this.totalUnder(cap, day);
      if (roomNano === undefined || comingNano < roomNano) roomNano = comingNano;
    }
    return roomNano;
  }

  /** What would be left if nothing were held now. Undefined: no cap. */
  roomWithoutHolds(day: number): bigint | undefined {
    const cap = this.tightest(day);
    if (!cap) return undefined;
    const { spentNano, settlingNano } = this.standing(day, cap);
    return cap.amountNano - spentNano - settlingNano;
  }

  /** The cap that leaves the least room on a day. */
  tightest(day: number): Cap | undefined {
    let [tightest, roomNano] = [this.#cap, this.#roomInForce(day)];
    for (const cap of this.#coming) {
      const comingNano = cap.amountNano - this.totalUnder(cap, day);
      if (roomNano === undefined || comingNano < roomNano) [tightest, roomNano] = [cap, comingNano];
    }
    return tightest;
  }

  #roomInForce(day: number): bigint | undefined {
    if (!this.#cap) return undefined;
    if (!this.#range || day > this.#range.toDay) {
      this.#range = periodAround(this.#cap.period, day, this.#cap.sinceDay);
      this.#totalNano = totalOf(this.#standingIn(this.#range));
    }
    const totalNano = isWithin(day, this.#range) ? this.#totalNano : totalOf(this.standing(day));
    return this.#cap.amountNano - totalNano;
  }

  /** The money of the period of a day: the period of the cap (the one in force, if none is given), or the day alone where there is none. */
  standing(day: number, cap = this.#cap): Standing {
    const range = periodAround(cap?.period ?? 'day', day, cap?.sinceDay ?? day);
    return this.#standingIn(range, cap, cap === this.#cap || this.#goesOn(cap) ? this.#earlierNano : 0n);
  }

  /** All money that would be counted in the period of a day if this cap were set. */
  totalUnder(cap: Cap, day: number): bigint {
    return totalOf(this.standing(day, cap));
  }

  /** Days that are kept one by one. */
  get days(): number {
    return this.#days.size;
  }

  /** Held in all, whatever the day. */
  get heldNano(): bigint {
    let heldNano = 0n;
    for (const bucket of this.#days.values()) heldNano += bucket.heldNano;
    return heldNano;
  }

  #goesOn(cap: Cap | undefined): boolean {
    return cap !== undefined && this.#cap?.sinceDay === cap.sinceDay;
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

  /** A new day comes once in a day, so it is the moment to let go of the oldest, as far as no running call and no calendar period needs them. */
  #newDay(day: number): Bucket {
    const keptFrom = previousMonthStart(day);
    let excess = this.#days.size + 1 - MAX_KEPT_DAYS;
    for (const old of excess > 0 ? [...this.#days.keys()].toSorted((left, right) => left - right) : []) {
      if (excess <= 0 || old >= keptFrom) break;
      const { spentNano, settlingNano, heldNano } = this.#days.get(old)!;
      if (settlingNano !== 0n || heldNano !== 0n) continue;
      this.#days.delete(old);
      excess--;
      if (this.#cap && old >= this.#cap.sinceDay) this.#earlierNano += spentNano;
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
