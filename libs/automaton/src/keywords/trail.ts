/** As many units as a key can have, and one. */
const TRAIL_UNITS = 256;
const WRAP = TRAIL_UNITS - 1;

/** The last units of a track, by their number in it: where each stands in the text, and what stood before it. */
export class Trail {
  readonly units = new Uint16Array(TRAIL_UNITS);
  readonly starts = new Float64Array(TRAIL_UNITS);
  readonly afterWord = new Uint8Array(TRAIL_UNITS);
  readonly runs = new Uint8Array(TRAIL_UNITS);
  count = 0;

  append(unit: number, start: number, afterWord: number): void {
    const at = this.count++ & WRAP;
    this.units[at] = unit;
    this.starts[at] = start;
    this.afterWord[at] = afterWord;
    this.runs[at] = 1;
  }

  /** The place of the unit that stands so many before the end, 1 being the last. */
  at(back: number): number {
    return (this.count - back) & WRAP;
  }

  /** Begins anew with the last units of another trail. */
  takeLast(from: Trail, units: number): void {
    this.count = 0;
    for (let back = units; back > 0; back--) {
      const at = from.at(back);
      this.append(from.units[at]!, from.starts[at]!, from.afterWord[at]!);
    }
  }
}
