import type { PiiType } from './pii-type.ts';
import { CLASS_OF, digitOfPair, FOLDED, UnitClass } from './unit-class.ts';

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
  if (character.length > 1) return digitOfPair(character.charCodeAt(0), character.charCodeAt(1)) >= 0;
  const unitClass = CLASS_OF[character.charCodeAt(0)];
  return unitClass === UnitClass.Digit || unitClass === UnitClass.Letter;
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
  if (text.includes(':')) return `${text.split(':', 2).join(':')}:*`;
  return text.split(/[.．]/).map((part, i) => (i < 2 ? part : '*')).join('.');
}
