import type { PiiType } from './pii-type.ts';
import { classOfPair, CLASS_OF, FOLDED, UnitClass } from './unit-class.ts';

/** How many letters and digits stay readable at both ends. */
interface Kept {
  readonly first: number;
  readonly last: number;
}

const KEPT: Readonly<Record<Exclude<PiiType, 'email' | 'phone' | 'ip'>, Kept>> = {
  cn_id: { first: 3, last: 4 },
  bank_card: { first: 0, last: 4 },
  credit_card: { first: 0, last: 4 },
  iban: { first: 2, last: 4 },
  uscc: { first: 4, last: 4 },
};
const FEWEST_HIDDEN = 4;
/** Of a phone number four digits are hidden before the last four; what may stay before them is less than a number. */
const MOST_FIRST_OF_PHONE = 6;
const LAST_OF_PHONE = 4;
const LONG_PHONE = 10;

/**
 * The value as it may be shown: `138****5678`, `j***@example.com`, `**** **** **** 1111`, `192.168.*.*`. Separators stay;
 * numbers keep their length. What comes out is of no type any more.
 */
export function maskPii(type: PiiType, text: string): string {
  if (type === 'email') return maskEmail(text);
  if (type === 'ip') return maskIp(text);
  return hideBetween(text, type === 'phone' ? keptOfPhone(countShown(text)) : KEPT[type]);
}

function keptOfPhone(digits: number): Kept {
  if (digits < LONG_PHONE) return { first: 0, last: 2 };
  return { first: Math.min(digits - FEWEST_HIDDEN - LAST_OF_PHONE, MOST_FIRST_OF_PHONE), last: LAST_OF_PHONE };
}

/** A letter or a digit, as one character. */
function isShown(character: string): boolean {
  const { unit, unitClass } = readOf(character);
  const read = unitClass === UnitClass.Mark ? CLASS_OF[unit] : unitClass;
  return read === UnitClass.Digit || read === UnitClass.Letter;
}

/** What a character stands for, and its class. */
function readOf(character: string): { readonly unit: number; readonly unitClass: number } {
  const [first, second] = [character.charCodeAt(0), character.charCodeAt(1)];
  if (character.length > 1) return classOfPair(first, second) ?? { unit: 0, unitClass: UnitClass.Other };
  return { unit: FOLDED[first]!, unitClass: CLASS_OF[first]! };
}

function countShown(text: string): number {
  let count = 0;
  for (const character of text) if (isShown(character)) count++;
  return count;
}

/** Of what is too short to hide four between its ends, nothing stays. */
function hideBetween(text: string, { first, last }: Kept): string {
  const count = countShown(text);
  const kept = first + last + FEWEST_HIDDEN <= count;
  const from = kept ? first : 0;
  const to = kept ? count - last : count;
  let index = 0;
  let masked = '';
  for (const character of text) {
    const hidden = isShown(character) && index++ >= from && index <= to;
    masked += hidden ? '*' : character;
  }
  return masked;
}

/** The domain stays; of the local part its first character, if there is another. Its length is not told. */
function maskEmail(text: string): string {
  let at = 0;
  while (at < text.length && FOLDED[text.charCodeAt(at)] !== '@'.charCodeAt(0)) at++;
  return `${at > String.fromCodePoint(text.codePointAt(0)!).length ? String.fromCodePoint(text.codePointAt(0)!) : ''}***${text.slice(at)}`;
}

/** Two numbers or groups stay: the network, not the host. */
function maskIp(text: string): string {
  const colon = separators(text, ':')[1];
  if (colon !== undefined) return `${text.slice(0, colon)}:*`;
  return `${text.slice(0, separators(text, '.')[1])}.*.*`;
}

/** Where this sign stands, in whatever form. */
function separators(text: string, sign: string): number[] {
  const found: number[] = [];
  for (let at = 0; at < text.length; at++) if (FOLDED[text.charCodeAt(at)] === sign.charCodeAt(0)) found.push(at);
  return found;
}
