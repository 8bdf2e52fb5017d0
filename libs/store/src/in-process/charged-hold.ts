import type { Clock } from '@sluice/clock';
import type { Hold } from '../store.ts';
import type { SlidingWindow } from './sliding-window.ts';
import type { SubjectCounts } from './subject-counts.ts';

/** An amount that was charged at one time. */
interface Charge {
  readonly amount: number;
  /** Of each window of the hold. */
  readonly buckets: readonly number[];
}

/** A taking that is counted in memory. */
export class ChargedHold implements Hold {
  readonly #subjects: readonly SubjectCounts[];
  /** Those that count amounts. */
  readonly #windows: readonly SlidingWindow[];
  readonly #clock: Pick<Clock, 'monotonicMs'>;
  readonly #charges: Charge[] = [];
  #ended = false;

  constructor(subjects: readonly SubjectCounts[], windows: readonly SlidingWindow[], clock: Pick<Clock, 'monotonicMs'>, amount: number) {
    this.#subjects = subjects;
    this.#windows = windows;
    this.#clock = clock;
    this.use(amount);
  }

  use(amount: number): void {
    if (this.#windows.length === 0 || this.#ended) return;
    const nowMs = this.#clock.monotonicMs();
    this.#charges.push({ amount, buckets: this.#windows.map((window) => window.add(nowMs, amount)) });
  }

  end(difference: number): void {
    if (this.#ended) return;
    this.#ended = true;
    if (this.#windows.length > 0) this.#putRight(difference);
    for (const counts of this.#subjects) counts.held--;
  }

  /** What is more is put to the latest charge, what is less is taken from the latest first. */
  #putRight(difference: number): void {
    const nowMs = this.#clock.monotonicMs();
    let left = difference;
    for (let at = this.#charges.length - 1; at >= 0 && left !== 0; at--) {
      const { amount, buckets } = this.#charges[at]!;
      const here = Math.max(left, -amount);
      for (const [index, bucket] of buckets.entries()) this.#windows[index]!.correct(nowMs, bucket, here);
      left -= here;
    }
  }
}
