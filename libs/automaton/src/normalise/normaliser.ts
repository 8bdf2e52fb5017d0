import { EXPANSION, EXPANSIONS_LIMIT, HANGUL, PAGE, SURROGATE, isExpansion } from './table-layout.ts';
import { TABLES } from './tables.ts';
import { INITIAL_UNITS, NOISE, type UnitBuffer } from './unit-buffer.ts';

const { single, astralPage, astral, expansionAt, expansion } = TABLES;

/** Hangul syllables decompose by arithmetic (Unicode, section 3.12), so they need no table. */
const SYLLABLE_BASE = 0xac00;
const LEADING_BASE = 0x1100;
const VOWEL_BASE = 0x1161;
const TRAILING_BASE = 0x11a7;
const TRAILING_COUNT = 28;
const VOWEL_COUNT = 21;

/** A shorter piece is read one by one: handing it over costs more. */
const LEAST_COPIED = 32;

/**
 * The UTF-16 units of the piece that is looked at, copied: a piece is a part of a longer string as a rule, which to read
 * unit by unit costs twice as much, and at times many times as much.
 */
let codes = new Uint16Array(INITIAL_UNITS);
let codesAsBytes = Buffer.from(codes.buffer);

function copyCodes(piece: string): void {
  if (piece.length > codes.length) {
    codes = new Uint16Array(2 * piece.length);
    codesAsBytes = Buffer.from(codes.buffer);
  }
  if (piece.length >= LEAST_COPIED) codesAsBytes.write(piece, 'utf16le');
  else for (let index = 0; index < piece.length; index++) codes[index] = piece.charCodeAt(index);
}

const AFTER_EXPANSIONS = EXPANSION + EXPANSIONS_LIMIT;
const isHigh = (code: number) => (code & 0xfc00) === 0xd800;
const isLow = (code: number) => (code & 0xfc00) === 0xdc00;

/**
 * Maps one text that comes in pieces to units, each code point alone: N(xy) = N(x)N(y), wherever the text is cut.
 * The pieces may also be cut inside of a surrogate pair: the first half waits for its other half, or for the end.
 */
export class Normaliser {
  #offset = 0;
  /** The first half of a pair that ended the last piece; 0 when there is none. */
  #high = 0;

  push(piece: string, into: UnitBuffer): void {
    const length = piece.length;
    copyCodes(piece);
    let index = 0;
    if (this.#high !== 0 && length > 0) {
      const low = codes[0]!;
      if (isLow(low)) index = 1;
      this.#pair(this.#high, isLow(low) ? low : 0, this.#offset - 1, into);
      this.#high = 0;
    }
    while (index < length) {
      index = this.#plain(length, index, into);
      if (index < length) index = this.#special(length, index, into);
    }
    this.#offset += length;
  }

  /** Nothing follows: half a pair that waits stays half. */
  end(into: UnitBuffer): void {
    if (this.#high !== 0) this.#pair(this.#high, 0, this.#offset - 1, into);
    this.#high = 0;
  }

  /** What comes next is the beginning of another text. */
  reset(): void {
    this.#offset = this.#high = 0;
  }

  /** The hot loop: units that map to one unit. Returns the index of the first that does not. */
  #plain(length: number, from: number, into: UnitBuffer): number {
    into.reserve(length - from);
    const { units, starts, ends } = into;
    const offset = this.#offset;
    const shift = into.length - from;
    const read = codes;
    let union = 0;
    let index = from;
    for (; index < length; index++) {
      const unit = single[read[index]!]!;
      if (unit >= SURROGATE && unit < AFTER_EXPANSIONS) break;
      units[shift + index] = unit;
      union |= unit;
      starts[shift + index] = offset + index;
      ends[shift + index] = offset + index + 1;
    }
    into.length = shift + index;
    into.union |= union;
    return index;
  }

  /** A run of units that each need more than one look. Returns the index behind it. */
  #special(length: number, from: number, into: UnitBuffer): number {
    const offset = this.#offset;
    let index = from;
    for (; index < length; index++) {
      const code = codes[index]!;
      const entry = single[code]!;
      if (entry === HANGUL) {
        syllable(code - SYLLABLE_BASE, offset + index, into);
      } else if (isExpansion(entry)) {
        expand(entry - EXPANSION, offset + index, offset + index + 1, into);
      } else if (!isHigh(code) && !isLow(code)) {
        return index;
      } else if (isHigh(code) && index + 1 === length) {
        this.#high = code;
      } else {
        const low = isHigh(code) ? codes[index + 1]! : 0;
        this.#pair(code, isLow(low) ? low : 0, offset + index, into);
        if (isLow(low)) index++;
      }
    }
    return index;
  }

  /** A code point beyond the BMP; half a pair (`low` is 0) is no character and may stand inside of a word. */
  #pair(high: number, low: number, start: number, into: UnitBuffer): void {
    if (low === 0) return into.append(NOISE, start, start + 1);
    const index = ((high & 0x3ff) << 10) | (low & 0x3ff);
    const entry = astral[astralPage[index / PAGE | 0]! * PAGE + (index & (PAGE - 1))]!;
    if (entry === 0) {
      into.append(high, start, start + 2);
      into.append(low, start, start + 2);
    } else if (isExpansion(entry)) {
      expand(entry - EXPANSION, start, start + 2, into);
    } else {
      into.append(entry, start, start + 2);
    }
  }
}

function syllable(index: number, start: number, into: UnitBuffer): void {
  const trailing = index % TRAILING_COUNT;
  const leadingAndVowel = (index / TRAILING_COUNT) | 0;
  into.append(LEADING_BASE + ((leadingAndVowel / VOWEL_COUNT) | 0), start, start + 1);
  into.append(VOWEL_BASE + (leadingAndVowel % VOWEL_COUNT), start, start + 1);
  if (trailing !== 0) into.append(TRAILING_BASE + trailing, start, start + 1);
}

function expand(number: number, start: number, end: number, into: UnitBuffer): void {
  const until = expansionAt[number + 1]!;
  for (let at = expansionAt[number]!; at < until; at++) into.append(expansion[at]!, start, end);
}
