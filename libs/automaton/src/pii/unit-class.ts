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
  /** The first half of a pair that may be a digit, as of the mathematical ones. */
  HalfDigit: 9,
} as const;

const UNITS = 65_536;
const ZERO = '0'.charCodeAt(0);
/** Behind the last plane with digits. */
const LAST_DIGITS = 0x20000;

/** The value of a decimal digit, -1 of anything else: they stand ten in a row, in order from zero (Unicode, section 4.6). */
function decimalValue(code: number): number {
  if (!isDecimal(code)) return -1;
  let first = code;
  while (isDecimal(first - 1)) first--;
  return (code - first) % 10;
}

const isDecimal = (code: number): boolean => /^\p{Nd}$/u.test(String.fromCodePoint(code));

/** By the digits that are pairs of units; only those that texts have. */
const PAIRS = new Map<number, number>();

/** The digit of ASCII that a pair of units stands for, or -1. */
export function digitOfPair(high: number, low: number): number {
  const code = ((high - 0xd800) << 10) + (low - 0xdc00) + UNITS;
  if (low < 0xdc00 || low > 0xdfff) return -1;
  let digit = PAIRS.get(code);
  if (digit === undefined) {
    const value = decimalValue(code);
    digit = value < 0 ? -1 : ZERO + value;
    if (value >= 0) PAIRS.set(code, digit);
  }
  return digit;
}

/** Class of each unit, and the unit that it stands for: digits, letters and signs of full width stand for those of ASCII. */
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

/** Where characters stand that are digits raised, lowered or in a circle: one digit each in normal form, but no decimal ones by themselves. */
const COMPATIBLE_DIGITS = [[0xb2, 0xb9], [0x2070, 0x2089], [0x2460, 0x2468], [0x24ea, 0x24ea]] as const;

/** Every decimal digit (Unicode, general category Nd) stands for that of its value. */
function assignDigits(): void {
  for (let unit = 0x80; unit < UNITS; unit++) if (unit < 0xd800 || unit > 0xdfff) assignDigit(unit, decimalValue(unit));
  for (const [from, to] of COMPATIBLE_DIGITS) {
    for (let unit = from; unit <= to; unit++) {
      const form = String.fromCharCode(unit).normalize('NFKC');
      if (/^[0-9]$/.test(form)) assignDigit(unit, Number(form));
    }
  }
  for (let page = UNITS; page < LAST_DIGITS; page += 0x400) {
    for (let code = page; code < page + 0x400; code++) if (decimalValue(code) >= 0) assign(highOf(code), highOf(code), UnitClass.HalfDigit);
  }
}

function assignDigit(unit: number, value: number): void {
  if (value >= 0) assign(unit, unit, UnitClass.Digit, ZERO + value);
}

const highOf = (code: number): number => String.fromCodePoint(code).charCodeAt(0);

const FULL_WIDTH = 0xfee0;
for (const [from, to, unitClass] of [['0', '9', UnitClass.Digit], ['A', 'Z', UnitClass.Letter], ['a', 'z', UnitClass.Letter]] as const) {
  const [first, last] = [from.charCodeAt(0), to.charCodeAt(0)];
  assign(first, last, unitClass);
  assign(first + FULL_WIDTH, last + FULL_WIDTH, unitClass, first);
}
assignDigits();
assign(0xc0, 0x24f, UnitClass.Letter);
assign(0xd7, 0xd7, UnitClass.Other);
assign(0xf7, 0xf7, UnitClass.Other);
assign(0x370, 0x52f, UnitClass.Letter);
assignAll('.．', UnitClass.Joiner, '.');
assignAll('-‐‑‒–—−－', UnitClass.Joiner, '-');
assignAll('_＿', UnitClass.Joiner, '_');
assignAll('+＋', UnitClass.Joiner, '+');
assignAll('%', UnitClass.Joiner, '%');
assignAll('@＠', UnitClass.Joiner, '@');
assignAll(':', UnitClass.Colon, ':');
assignAll(' \u00a0\u2007\u2009\u202f\u3000', UnitClass.Space, ' ');
assignAll('(（', UnitClass.Open, '(');
assignAll(')）', UnitClass.Close, ')');
// Soft hyphen, zero-width and direction characters, variation selectors, the enclosing keycap.
for (const [from, to] of [[0xad, 0xad], [0x180b, 0x180e], [0x200b, 0x200f], [0x202a, 0x202e], [0x2060, 0x206f], [0xfe00, 0xfe0f], [0xfeff, 0xfeff], [0x20e3, 0x20e3]] as const) {
  assign(from, to, UnitClass.Invisible);
}

export const isDigit = (code: number): boolean => code >= 48 && code <= 57;
export const isLetter = (code: number): boolean => (code >= 65 && code <= 90) || (code >= 97 && code <= 122) || code > 127;
export const isHex = (code: number): boolean => isDigit(code) || (code >= 65 && code <= 70) || (code >= 97 && code <= 102);
