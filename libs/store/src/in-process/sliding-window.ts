import type { Use } from '../store.ts';

/** Entries that have left before the lists are made shorter; bounds what is copied to a constant per entry. */
const COMPACT_AFTER = 64;

/**
 * What was used in the last while, exact in the safe direction: the time is cut into buckets, and one counts whole until
 * the last use in it has left. So what fits here fits in every window of this length, wherever it begins, and nothing has
 * to wait longer than a window. Only buckets in which something happened take memory: at most `windowMs / bucketMs + 1`,
 * however much is used.
 *
 * Times are milliseconds of a clock that only goes forward.
 */
export class SlidingWindow {
  readonly windowMs: number;
  readonly bucketMs: number;
  /** Numbers of buckets in rising order, what was used in each, and when last; what lies before `#first` has left. */
  #buckets: number[] = [];
  #amounts: number[] = [];
  #lastMs: number[] = [];
  #first = 0;
  #used = 0;

  /** @param windowMs a multiple of `bucketMs` */
  constructor(windowMs: number, bucketMs: number) {
    this.windowMs = windowMs;
    this.bucketMs = bucketMs;
  }

  /** What was used in the window that ends now. */
  used(nowMs: number): number {
    this.#expire(nowMs);
    return this.#used;
  }

  /** Uses so much now, and returns in which bucket, for a correction. */
  add(nowMs: number, amount: number): number {
    this.#expire(nowMs);
    const last = this.#buckets.length - 1;
    const newest = this.#buckets[last];
    // Should the time ever be given in the wrong order, what comes late counts longer, not shorter.
    const bucket = Math.max(Math.floor(nowMs / this.bucketMs), newest ?? -Infinity);
    const atMs = Math.max(nowMs, this.#lastMs[last] ?? -Infinity);
    if (bucket === newest) {
      this.#amounts[last]! += amount;
      this.#lastMs[last] = atMs;
    } else {
      this.#buckets.push(bucket);
      this.#amounts.push(amount);
      this.#lastMs.push(atMs);
    }
    this.#used += amount;
    return bucket;
  }

  /** Counts what was used before anything that is counted here; times rise. It cannot be corrected any more. */
  precede(uses: readonly Use[]): void {
    this.#keepFrom(this.#first);
    this.#buckets = [...uses.map(() => -Infinity), ...this.#buckets];
    this.#amounts = [...uses.map(({ amount }) => amount), ...this.#amounts];
    this.#lastMs = [...uses.map(({ atMs }) => atMs), ...this.#lastMs];
    for (const { amount } of uses) this.#used += amount;
  }

  /** Corrects what was used in a bucket by this much. When it has left, what is more counts from now, and what is less no more. */
  correct(nowMs: number, bucket: number, difference: number): void {
    this.#expire(nowMs);
    let low = this.#first;
    let high = this.#buckets.length - 1;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#buckets[middle]! < bucket) low = middle + 1;
      else high = middle;
    }
    if (this.#buckets[low] !== bucket) {
      if (difference > 0) this.add(nowMs, difference);
      return;
    }
    this.#amounts[low]! += difference;
    this.#used += difference;
  }

  /** What is in the window that ends now: one for each bucket, with the time of its last use. */
  uses(nowMs: number): readonly Use[] {
    this.#expire(nowMs);
    return this.#amounts.slice(this.#first).map((amount, at) => ({ atMs: this.#lastMs[this.#first + at]!, amount }));
  }

  /** Milliseconds until so much more fits under the limit, if nothing else is used; 0: it fits now. Infinity: never. */
  waitMs(nowMs: number, amount: number, limit: number): number {
    let excess = this.used(nowMs) + amount - limit;
    if (excess <= 0) return 0;
    if (amount > limit) return Infinity;
    let at = this.#first;
    while ((excess -= this.#amounts[at]!) > 0) at++;
    return this.#lastMs[at]! + this.windowMs - nowMs;
  }

  /** Milliseconds until everything used until now has left. */
  emptyInMs(nowMs: number): number {
    this.#expire(nowMs);
    let newest = this.#buckets.length - 1;
    // A correction may have left nothing in a bucket.
    while (newest >= this.#first && this.#amounts[newest] === 0) newest--;
    return newest < this.#first ? 0 : this.#lastMs[newest]! + this.windowMs - nowMs;
  }

  #expire(nowMs: number): void {
    while (this.#first < this.#buckets.length && this.#lastMs[this.#first]! + this.windowMs <= nowMs) this.#used -= this.#amounts[this.#first++]!;
    if (this.#first === this.#buckets.length) this.#keepFrom(this.#first);
    else if (this.#first >= COMPACT_AFTER && this.#first * 2 >= this.#buckets.length) this.#keepFrom(this.#first);
  }

  #keepFrom(first: number): void {
    if (first === 0) return;
    this.#buckets = this.#buckets.slice(first);
    this.#amounts = this.#amounts.slice(first);
    this.#lastMs = this.#lastMs.slice(first);
    this.#first = 0;
  }
}
