import type { PiiType } from './pii-type.ts';
import { CLASS_OF, FOLDED, UnitClass } from './unit-class.ts';

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

const isShown = (unit: number): boolean => CLASS_OF[unit] === UnitClass.Digit || CLASS_OF[unit] === UnitClass.Letter;

function countShown(text: string): number {
  let count = 0;
  for (let i = 0; i < text.length; i++) if (isShown(text.charCodeAt(i))) count++;
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
  for (let i = 0; i < text.length; i++) {
    const hidden = isShown(text.charCodeAt(i)) && index++ >= from && index <= to;
    masked += hidden ? '*' : text.charAt(i);
  }
  return masked;
}

/** The domain stays; of the local part its first character, if there is another. Its length is not told. */
function maskEmail(text: string): string {
  let at = 0;
  while (at < text.length && FOLDED[text.charCodeAt(at)] !== '@'.charCodeAt(0)) at++;
  return `${at > 1 ? text.charAt(0) : ''}***${text.slice(at)}`;
}

/** Two numbers or groups stay: the network, not the host. */
function maskIp(text: string): string {
  if (text.includes(':')) return `${text.split(':', 2).join(':')}:*`;
  return text.split(/[.．]/).map((part, i) => (i < 2 ? part : '*')).join('.');
}
