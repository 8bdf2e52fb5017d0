import type { Match } from '../detector.ts';
import type { ReusableDetector } from '../lent-detector.ts';

/** One way to read a text. */
export interface Reading<Self> extends ReusableDetector {
  /** Reads a piece as far as both ways read it alike: up to the first mark in it. Returns how many units those are. */
  pushUntilMark(piece: string): number;
  /** Goes on where another way to read has come to, as if it had read that text itself. */
  goOnFrom(other: Self): void;
}

/**
 * Reads a text with marks in two ways, from the first mark on, and finds what either finds: marks as the end of what they stand beside (`jane@example.com¹`), and
 * as what they are a form of (`④①①①`, `j①ne@example.com`). A text without marks is read once.
 */
export class TwoReadings<One extends Reading<One>> implements ReusableDetector {
  readonly #make: () => One;
  readonly #ending: One;
  #forms: One | undefined;
  #hasMarks = false;
  #readTwice = 0;

  /** @param make a reading in which marks end what they stand beside, or stand for what they are a form of */
  constructor(make: (marksAreForms: boolean) => One) {
    this.#ending = make(false);
    this.#make = () => make(true);
  }

  get frontier(): number {
    return this.#hasMarks ? Math.min(this.#ending.frontier, this.#forms!.frontier) : this.#ending.frontier;
  }

  /** A unit that is read twice is one look more. */
  get steps(): number {
    return this.#readTwice;
  }

  push(piece: string): void {
    let from = 0;
    if (!this.#hasMarks) {
      from = this.#ending.pushUntilMark(piece);
      if (from === piece.length) return;
      this.#forms ??= this.#make();
      this.#forms.goOnFrom(this.#ending);
      this.#hasMarks = true;
    }
    const rest = from === 0 ? piece : piece.slice(from);
    this.#readTwice += rest.length;
    this.#ending.push(rest);
    this.#forms!.push(rest);
  }

  end(): void {
    this.#ending.end();
    if (this.#hasMarks) this.#forms!.end();
  }

  drain(into: Match[]): void {
    this.#ending.drain(into);
    if (this.#hasMarks) this.#forms!.drain(into);
  }

  reset(): void {
    this.#ending.reset();
    if (this.#hasMarks) this.#forms!.reset();
    this.#hasMarks = false;
    this.#readTwice = 0;
  }
}
