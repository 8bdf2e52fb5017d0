/** A separator that may stand inside of a word: punctuation, symbols that stand for no letter. */
export const NOISE = 1;
/** A zero-width or format character, a mark: it stands for nothing, but it counts to the caps on what is skipped. */
export const DROPPED = 2;
/** White space: a separator as well, but where words have it between them it parts what would else be a word. */
export const SPACE = 3;

export const INITIAL_UNITS = 1024;

/**
 * Normalised units with the place each comes from. A unit is a UTF-16 unit of the normal form, or NOISE, DROPPED or SPACE;
 * `starts` and `ends` (exclusive) are offsets in UTF-16 units of the original text. Units of one code point all carry
 * the place of the whole code point. Entries from `length` on mean nothing. The caller reuses it: `clear` and push again.
 */
export class UnitBuffer {
  units: Uint16Array;
  starts: Float64Array;
  ends: Float64Array;
  length = 0;
  /** All units of it or'ed: none is greater. */
  union = 0;

  /** It grows beyond the first capacity, in units, as it must. */
  constructor(capacity = INITIAL_UNITS) {
    this.units = new Uint16Array(capacity);
    this.starts = new Float64Array(capacity);
    this.ends = new Float64Array(capacity);
  }

  clear(): void {
    this.length = this.union = 0;
  }

  append(unit: number, start: number, end: number): void {
    const at = this.length;
    if (at === this.units.length) this.reserve(1);
    this.units[at] = unit;
    this.starts[at] = start;
    this.ends[at] = end;
    this.union |= unit;
    this.length = at + 1;
  }

  /** Makes room for so many units more. */
  reserve(more: number): void {
    const needed = this.length + more;
    if (needed <= this.units.length) return;
    const capacity = Math.max(needed, 2 * this.units.length);
    const { units, starts, ends } = this;
    this.units = new Uint16Array(capacity);
    this.starts = new Float64Array(capacity);
    this.ends = new Float64Array(capacity);
    this.units.set(units);
    this.starts.set(starts);
    this.ends.set(ends);
  }
}
