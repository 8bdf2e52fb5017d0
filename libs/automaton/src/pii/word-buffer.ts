import { CLASS_OF, FOLDED, UnitClass } from './unit-class.ts';

/** The units of a word with their offsets in the text. Plain arrays, because most texts are short, and two typed ones cost more to make than such a text to read. */
export class WordBuffer {
  readonly #units: number[] = [];
  /** Of what is two units of the text the complement of the offset, which is negative. */
  readonly #offsets: number[] = [];
  length = 0;

  append(unit: number, offset: number): void {
    this.#units[this.length] = unit;
    this.#offsets[this.length++] = offset;
  }

  /** Has from here on what the other has. */
  goOnFrom(other: WordBuffer): void {
    this.length = 0;
    for (let index = 0; index < other.length; index++) this.append(other.#units[index]!, other.#offsets[index]!);
  }

  /** What a pair of units stands for. */
  appendPair(unit: number, offset: number): void {
    this.append(unit, ~offset);
  }

  /** Appends the letters of `piece` from `from` on, the first of which has this offset, up to a length; returns how many there were. */
  appendLetters(piece: string, from: number, offset: number, most: number): number {
    const last = Math.min(piece.length, from + most - this.length);
    let i = from;
    for (let unit = piece.charCodeAt(i); i < last && CLASS_OF[unit] === UnitClass.Letter; unit = piece.charCodeAt(++i)) {
      this.#units[this.length] = FOLDED[unit]!;
      this.#offsets[this.length++] = offset + i - from;
    }
    return i - from;
  }

  unit(index: number): number {
    return this.#units[index]!;
  }

  /** Offset in the text of a unit. */
  start(index: number): number {
    const offset = this.#offsets[index]!;
    return offset < 0 ? ~offset : offset;
  }

  /** Offset in the text behind the unit before `index`. */
  end(index: number): number {
    const offset = this.#offsets[index - 1]!;
    return offset < 0 ? ~offset + 2 : offset + 1;
  }

  dropFirst(count: number): void {
    this.#units.copyWithin(0, count, this.length);
    this.#offsets.copyWithin(0, count, this.length);
    this.length -= count;
  }

  text(): string {
    return String.fromCharCode(...this.#units.slice(0, this.length));
  }
}
