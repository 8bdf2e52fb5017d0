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
} as const;

const UNITS = 65_536;

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

const FULL_WIDTH = 0xfee0;
for (const [from, to, unitClass] of [['0', '9', UnitClass.Digit], ['A', 'Z', UnitClass.Letter], ['a', 'z', UnitClass.Letter]] as const) {
  const [first, last] = [from.charCodeAt(0), to.charCodeAt(0)];
  assign(first, last, unitClass);
  assign(first + FULL_WIDTH, last + FULL_WIDTH, unitClass, first);
}
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
