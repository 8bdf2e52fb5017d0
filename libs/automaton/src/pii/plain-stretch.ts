import { CUE_REACH, LONGEST_CUE } from './phone-cue.ts';
import { CLASS_OF, FOLDED, UnitClass } from './unit-class.ts';

/** Without one of these there is no personal data: digits, the sign of an address, the colon of an IPv6 address, and what may be a form of one of them. */
const MATTERING = new Set<number>([UnitClass.Digit, UnitClass.Half, UnitClass.Mark, UnitClass.Colon]);
const MATTERS = Uint8Array.from(CLASS_OF, (unitClass, unit) => (MATTERING.has(unitClass) || FOLDED[unit] === '@'.charCodeAt(0) ? 1 : 0));

/** A word that announces a number, what may stand behind it, and an opening bracket. */
const REACH = CUE_REACH + LONGEST_CUE + 3;

/** The first unit from `from` on that personal data needs; the length of the piece when there is none. */
export function firstThatMatters(piece: string, from: number): number {
  let at = from;
  while (at < piece.length && MATTERS[piece.charCodeAt(at)] === 0) at++;
  return at;
}

/**
 * From where a piece must be read to find what `until`, the first unit that matters from `from` on, belongs to, when nothing is open at `from`: the
 * beginning of a word, behind another word, as far before that of `until` as a word reaches that announces a number.
 */
export function readFrom(piece: string, from: number, until: number): number {
  let at = until;
  while (at > from && !endsWord(piece.charCodeAt(at - 1))) at--;
  at -= REACH;
  while (at > from + 1 && !(endsWord(piece.charCodeAt(at - 1)) && !separates(piece.charCodeAt(at - 2)))) at--;
  return at > from + 1 ? at : from;
}

const endsWord = (unit: number): boolean => CLASS_OF[unit] === UnitClass.Other || CLASS_OF[unit] === UnitClass.Space;

/** What leaves open whether a number has begun: brackets, blanks, and joiners that stand alone. */
const separates = (unit: number): boolean => CLASS_OF[unit] !== UnitClass.Other && CLASS_OF[unit] !== UnitClass.Letter;
