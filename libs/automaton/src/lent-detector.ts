import type { Detector, Match } from './detector.ts';

/** A detector that can look at one text after the other: what it is made of costs more than a short text. */
export interface ReusableDetector extends Detector {
  /** What it has cost so far, in looks, where not every character costs the same. */
  readonly steps?: number;
  /** Behind the end, when its matches were drained: forgets the text. What comes next is the beginning of another. */
  reset(): void;
}

/** So many of one list of rules wait for their next text at most: what is looked at at once in a busy process, but for long streams. */
const MOST_SPARE = 16;

/** Detectors that look at nothing now, by the list of rules that they were made for; they go with that list. */
export class SpareDetectors<Rules extends object> {
  readonly #make: (rules: Rules) => ReusableDetector;
  readonly #spare = new WeakMap<Rules, ReusableDetector[]>();

  constructor(make: (rules: Rules) => ReusableDetector) {
    this.#make = make;
  }

  /** For one text. Give the same list for every text of the same rules. */
  lend(rules: Rules): LentDetector {
    const spare = this.#spare.get(rules) ?? [];
    if (spare.length === 0) this.#spare.set(rules, spare);
    return new LentDetector(spare.pop() ?? this.#make(rules), spare);
  }
}

/**
 * A detector while it looks at one text: nothing else has it then. When the text is over and its matches were told, it
 * is free for the next; one whose text does not come to its end is left to the collector of garbage.
 */
export class LentDetector implements Detector {
  readonly #spare: ReusableDetector[];
  #lent: ReusableDetector | undefined;
  #hasEnded = false;
  #frontier = 0;
  #steps = 0;

  constructor(lent: ReusableDetector, spare: ReusableDetector[]) {
    this.#lent = lent;
    this.#spare = spare;
  }

  get frontier(): number {
    return this.#lent?.frontier ?? this.#frontier;
  }

  get steps(): number {
    return this.#lent ? (this.#lent.steps ?? 0) : this.#steps;
  }

  push(piece: string): void {
    this.#open().push(piece);
  }

  end(): void {
    this.#open().end();
    this.#hasEnded = true;
  }

  drain(into: Match[]): void {
    const lent = this.#lent;
    if (!lent) return;
    lent.drain(into);
    if (!this.#hasEnded) return;
    this.#frontier = lent.frontier;
    this.#steps = this.steps;
    this.#lent = undefined;
    lent.reset();
    if (this.#spare.length < MOST_SPARE) this.#spare.push(lent);
  }

  #open(): ReusableDetector {
    if (!this.#lent || this.#hasEnded) throw new RangeError('This text is over.');
    return this.#lent;
  }
}
