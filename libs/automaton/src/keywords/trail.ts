import type { Automaton } from './automaton.ts';

/** Something that stands for nothing lies between two units. */
export const PARTED = 1;
/** White space does. */
export const SPACED = 2;

const LONG_AGO = -(2 ** 30);

/** The last units of a track, by their number in it: where each stands in the text, and what stood before it. */
export class Trail {
  readonly units: Uint16Array;
  readonly starts: Float64Array;
  readonly afterWord: Uint8Array;
  readonly runs: Uint8Array;
  /** What stood between a unit and the one before it: nothing, `PARTED` or `SPACED`. */
  readonly gaps: Uint8Array;
  /** Wraps the number of a unit to its place. */
  readonly wrap: number;
  count = 0;
  /** How many of the last units, one after the other, were parted from the one before; less than 0 in a track for which none is. */
  streak = 0;
  /** The number of the last unit that white space parted from the one before. */
  #spacedAt = LONG_AGO;

  /** Reaches back as far as the longest key of an automaton, and one more. */
  constructor({ longestKey }: Automaton) {
    const units = 2 ** Math.ceil(Math.log2(longestKey + 1));
    this.units = new Uint16Array(units);
    this.starts = new Float64Array(units);
    this.afterWord = new Uint8Array(units);
    this.runs = new Uint8Array(units);
    this.gaps = new Uint8Array(units);
    this.wrap = units - 1;
  }

  /** It begins anew; what stood in it means nothing. */
  reset(): void {
    this.count = 0;
    this.#spacedAt = LONG_AGO;
    if (this.streak > 0) this.streak = 0;
  }

  append(unit: number, start: number, afterWord: number, gap: number): void {
    const at = this.count++ & this.wrap;
    this.units[at] = unit;
    this.starts[at] = start;
    this.afterWord[at] = afterWord;
    this.runs[at] = 1;
    this.gaps[at] = gap;
    if (gap !== 0) this.#part(gap);
    else if (this.streak > 0) this.streak = 0;
  }

  #part(gap: number): void {
    if (gap === SPACED) this.#spacedAt = this.count;
    if (this.streak >= 0) this.streak++;
  }

  /** How many units stand behind the last one that white space parted from the one before. */
  get sinceSpace(): number {
    return this.count - this.#spacedAt;
  }

  /** The place of the unit that stands so many before the end, 1 being the last. */
  at(back: number): number {
    return (this.count - back) & this.wrap;
  }

  /** Begins anew with the last units of another trail. */
  takeLast(from: Trail, units: number): void {
    this.reset();
    for (let back = units; back > 0; back--) {
      const at = from.at(back);
      this.append(from.units[at]!, from.starts[at]!, from.afterWord[at]!, from.gaps[at]!);
    }
  }
}
