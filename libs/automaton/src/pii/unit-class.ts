import { eachCompatibleForm } from './compatible-forms.ts';
import { DECIMAL_ZEROS } from './decimal-zeros.ts';

/** What a UTF-16 unit is to the scanners. */
export const UnitClass = {
  /** Ends every candidate. */
  Other: 0,
  Digit: 1,
  /** Latin, Greek and Cyrillic letters; Chinese characters are `Other`, they stand beside a number without being part of it. */
  Letter: 2,
  /** Joins letters and digits to one word: `.` `-` `_` `+` `%` `@`. */
  Joiner: 3,
  Colon: 4,
  Space: 5,
  Open: 6,
  Close: 7,
  /** Not seen by a reader: skipped between the characters of a candidate. */
  Invisible: 8,
  /** The first half of a pair that may be one of the others. */
  Half: 9,
  /** A letter, a digit or a sign of ASCII in a form that also stands beside a text as a mark: raised, in a circle, mathematical. */
  Mark: 10,
} as const;

const UNITS = 65_536;
const ZERO = '0'.charCodeAt(0);

/** Class of each unit, and the unit that it stands for: digits, letters and signs in other forms stand for those of ASCII. */
export const CLASS_OF = new Uint8Array(UNITS);
export const FOLDED = new Uint16Array(UNITS);

function assign(from: number, to: number, unitClass: number, foldedFrom = from): void {
  for (let unit = from; unit <= to; unit++) {
    CLASS_OF[unit] = unitClass;
    FOLDED[unit] = foldedFrom + unit - from;
  }
}

function assignAll(units: string, unitClass: number, folded: string): void {
  for (const unit of units) assign(unit.charCodeAt(0), unit.charCodeAt(0), unitClass, folded.charCodeAt(0));
}

/** By the first half of a pair, and by the second what the pair stands for: 0 for nothing, else a unit, of a mark with the sign of one. */
const PAIRS = new Map<number, Uint16Array>();
const SECOND_HALVES = 0x400;
const MARKED = 0x8000;

/** What a pair of units stands for: a unit and its class, the unit of a mark as in `FOLDED`. Undefined for nothing that is a class of its own. */
export function classOfPair(high: number, low: number): { readonly unit: number; readonly unitClass: number } | undefined {
  const stands = low >= 0xdc00 && low <= 0xdfff ? PAIRS.get(high)?.[low - 0xdc00] : undefined;
  if (stands === undefined || stands === 0) return undefined;
  return stands >= MARKED ? { unit: stands - MARKED, unitClass: UnitClass.Mark } : { unit: stands, unitClass: CLASS_OF[stands]! };
}

/** @param stands the unit that it stands for */
function assignCharacter(code: number, unitClass: number, stands: number): void {
  if (code < UNITS) {
    assign(code, code, unitClass, stands);
    return;
  }
  const [high, low] = [String.fromCodePoint(code).charCodeAt(0), String.fromCodePoint(code).charCodeAt(1)];
  const seconds = PAIRS.get(high) ?? new Uint16Array(SECOND_HALVES);
  PAIRS.set(high, seconds);
  seconds[low - 0xdc00] = unitClass === UnitClass.Mark ? stands + MARKED : stands;
  CLASS_OF[high] = UnitClass.Half;
}

const FULL_WIDTH = 0xfee0;
for (const [from, to, unitClass] of [['0', '9', UnitClass.Digit], ['A', 'Z', UnitClass.Letter], ['a', 'z', UnitClass.Letter]] as const) {
  const [first, last] = [from.charCodeAt(0), to.charCodeAt(0)];
  assign(first, last, unitClass);
  assign(first + FULL_WIDTH, last + FULL_WIDTH, unitClass, first);
}
for (const zero of DECIMAL_ZEROS) for (let value = 0; value < 10; value++) assignCharacter(zero + value, UnitClass.Digit, ZERO + value);
assign(0xc0, 0x24f, UnitClass.Letter);
assign(0x370, 0x52f, UnitClass.Letter);
// Signs among the letters: of multiplication and division, of Greek numbers, accents and points by themselves, of thousands.
for (const sign of [0xd7, 0xf7, 0x374, 0x375, 0x37a, 0x37e, 0x384, 0x385, 0x387, 0x3f6, 0x482]) assign(sign, sign, UnitClass.Other);
assignAll('.．', UnitClass.Joiner, '.');
assignAll('-‐‑‒–—―−－', UnitClass.Joiner, '-');
assignAll('_＿', UnitClass.Joiner, '_');
assignAll('+＋', UnitClass.Joiner, '+');
assignAll('%', UnitClass.Joiner, '%');
assignAll('@＠', UnitClass.Joiner, '@');
assignAll(':', UnitClass.Colon, ':');
assignAll(' \u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000', UnitClass.Space, ' ');
assignAll('(（', UnitClass.Open, '(');
assignAll(')）', UnitClass.Close, ')');
// Soft hyphen, marks that stand over or through a character, zero-width, filling and direction characters, variation selectors.
const INVISIBLE = [
  [0xad, 0xad], [0x300, 0x36f], [0x483, 0x489], [0x61c, 0x61c], [0x115f, 0x1160], [0x17b4, 0x17b5], [0x180b, 0x180f], [0x1ab0, 0x1aff], [0x1dc0, 0x1dff], [0x200b, 0x200f], [0x202a, 0x202e],
  [0x2060, 0x206f], [0x20d0, 0x20ff], [0x3164, 0x3164], [0xfe00, 0xfe0f], [0xfe20, 0xfe2f], [0xfeff, 0xfeff], [0xffa0, 0xffa0], [0xfff9, 0xfffb], [0x1bca0, 0x1bca3], [0x1d173, 0x1d17a], [0xe0000, 0xe007f], [0xe0100, 0xe01ef],
] as const;
const ZERO_WIDTH = 0x200b;
for (const [from, to] of INVISIBLE) for (let code = from; code <= to; code++) assignCharacter(code, UnitClass.Invisible, ZERO_WIDTH);

eachCompatibleForm((code, of) => {
  const unit = of.charCodeAt(0);
  const isOfAscii = FOLDED[unit]! < 0x80 && CLASS_OF[unit] !== UnitClass.Other;
  if (isOfAscii && (code >= UNITS || CLASS_OF[code] === UnitClass.Other)) assignCharacter(code, UnitClass.Mark, FOLDED[unit]!);
});

export const isDigit = (code: number): boolean => code >= 48 && code <= 57;
export const isLetter = (code: number): boolean => (code >= 65 && code <= 90) || (code >= 97 && code <= 122) || code > 127;
export const isHex = (code: number): boolean => isDigit(code) || (code >= 65 && code <= 70) || (code >= 97 && code <= 102);
