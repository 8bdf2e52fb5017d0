import type { PiiType } from './pii-type.ts';
import { isBankCard, isCardGrouping, isCreditCard } from './cards.ts';
import { isCnId } from './cn-id.ts';
import { isIban } from './iban.ts';
import { isPhone } from './phone.ts';
import { isDigit } from './unit-class.ts';

/** Digits (or, of an IBAN, letters and digits) without anything between them. */
export interface Group {
  readonly text: string;
  /** Offsets in the text; `end` is exclusive and behind an extension. */
  readonly start: number;
  readonly end: number;
  /** Where an opening bracket before it stands, or -1. */
  readonly bracketAt: number;
  /** What stands between it and the group before: up to three of `-. ()`; empty for the first. */
  readonly before: string;
  /** It may be read apart from the group before. */
  readonly soft: boolean;
  /** How long the IBAN is that begins with it, 0 when none does. */
  readonly iban: number;
  readonly plus: boolean;
  readonly extension: boolean;
  readonly cue: boolean;
}

/** The longest of digits alone is a card of 19; a phone number with prefixes and an extension is shorter. */
const MOST_DIGITS = 22;
/** How many pieces an identity number is written in at most: area, year, month, day, sequence. */
const MOST_ID_GROUPS = 5;
/** In which a number is written, other than an IBAN: a calling code and pairs of digits. */
const MOST_GROUPS = 8;
/** Of a local phone number; every other number is longer. */
const FEWEST_DIGITS = 7;
const SHORTEST_CARD = 13;
const SMALLEST_FIRST_OF_CARD = 4;

const mayCallAbroad = (first: Group): boolean => first.plus || first.text.startsWith('00');

const signOf = (separator: string): string => (separator.length === 1 ? separator : (/[-.]/.exec(separator) ?? /[()]/.exec(separator) ?? ' ')[0]!);

/** With a trunk zero; longer ones call abroad or have their extension after a dash, as the last of three groups. */
const FEWEST_WITH_ZERO = 9;
const MOST_WITH_ZERO = 12;

/** A quick look before the slow one, for numbers without a plus sign and without a word that announces them. */
function mayBePhone(digits: string, firstSize: number, groups: number): boolean {
  const { length } = digits;
  if (digits.startsWith('00')) return length > FEWEST_WITH_ZERO;
  if (digits.startsWith('0')) return length >= FEWEST_WITH_ZERO && (length <= MOST_WITH_ZERO || groups === 3);
  return (length === 11 && digits.startsWith('1')) || (length === 13 && digits.startsWith('86')) || (length === 10 && firstSize === 3);
}

/**
 * Groups that may be parts of one number, in the order of the text. A group is judged as the beginning of a number when
 * no more text can make that number longer, so what is found depends on the text alone; then it is let go.
 */
export class NumberChain {
  readonly #report: (type: PiiType, start: number, end: number) => void;
  #groups: Group[] = [];
  /** Letters and digits in all groups. */
  #length = 0;
  /** A number that stands for certain ends here: nothing before is the beginning of another. */
  #takenUntil = 0;
  #phoneUntil = 0;

  constructor(report: (type: PiiType, start: number, end: number) => void) {
    this.#report = report;
  }

  get isEmpty(): boolean {
    return this.#groups.length === 0;
  }

  /** Where the first number begins that may still be found, -1 without one. */
  get start(): number {
    const first = this.#groups[0];
    return first === undefined ? -1 : first.bracketAt >= 0 ? first.bracketAt : first.start;
  }

  /** Whether it is an IBAN so far, whose next group may have letters. */
  get expectsLetters(): boolean {
    const first = this.#groups[0];
    return first !== undefined && first.iban > 0 && this.#groups.every((group) => group.text.length === 4);
  }

  add(group: Group): void {
    this.#groups.push(group);
    this.#length += group.text.length;
    while (this.#groups.length > 0 && this.#length > this.#limit()) this.#release();
  }

  /** Nothing more belongs to it. */
  end(): void {
    while (this.#groups.length > 0) this.#release();
  }

  /** What comes next is the beginning of another text. */
  reset(): void {
    this.#groups.length = 0;
    this.#length = this.#takenUntil = this.#phoneUntil = 0;
  }

  goOnFrom(other: NumberChain): void {
    this.#groups = [...other.#groups];
    this.#length = other.#length;
    this.#takenUntil = other.#takenUntil;
    this.#phoneUntil = other.#phoneUntil;
  }

  #limit(): number {
    const first = this.#groups[0]!;
    return first.iban > 0 ? first.iban : MOST_DIGITS;
  }

  #release(): void {
    const first = this.#groups[0]!;
    if (first.soft && first.start >= this.#takenUntil) this.#judge(first);
    this.#groups.shift();
    this.#length -= first.text.length;
  }

  /** The longest number of each type that begins with the first group. */
  #judge(first: Group): void {
    const spacedIban = first.iban > 0;
    const limit = this.#limit();
    const mostGroups = spacedIban ? limit : MOST_GROUPS;
    const longest: [PiiType, number][] = [];
    let text = '';
    for (let last = 0; last < this.#groups.length && last < mostGroups; last++) {
      const group = this.#groups[last]!;
      text += group.text;
      if (text.length > limit) break;
      const next = this.#groups[last + 1];
      if (text.length >= FEWEST_DIGITS && (next === undefined || next.soft)) this.#collect(longest, text, last);
      if (group.extension || (last > 0 && group.text.length === 1 && !spacedIban && !mayCallAbroad(first))) break;
    }
    for (let i = longest.length - 1; i >= 0; i--) {
      const [type, last] = longest[i]!;
      if (longest.findLastIndex((other) => other[0] === type) === i) this.#found(type, first, last);
    }
  }

  #found(type: PiiType, first: Group, last: number): void {
    const { end } = this.#groups[last]!;
    if (type === 'phone') {
      if (first.start < this.#phoneUntil || first.start < this.#takenUntil) return;
      this.#phoneUntil = end;
    } else {
      this.#takenUntil = Math.max(this.#takenUntil, end);
    }
    // A bracket belongs to a number that closes it.
    const bracketed = type === 'phone' && first.bracketAt >= 0 && last > 0 && this.#groups[1]!.before.includes(')');
    this.#report(type, bracketed ? first.bracketAt : first.start, end);
  }

  #collect(found: [PiiType, number][], text: string, last: number): void {
    if (this.#groups[0]!.iban > 0) {
      if (text.length === this.#limit() && this.#isSpacedRight(last) && isIban(text)) found.push(['iban', last]);
      return;
    }
    const before = found.length;
    if ((text.length === 18 && last < MOST_ID_GROUPS) || (text.length === 15 && last === 0)) {
      if (isCnId(text)) found.push(['cn_id', last]);
    }
    if (!isDigit(text.charCodeAt(text.length - 1))) return;
    if (text.length >= SHORTEST_CARD && this.#groups[0]!.text.length >= SMALLEST_FIRST_OF_CARD && isCardGrouping(this.#sizes(last))) {
      if (isBankCard(text)) found.push(['bank_card', last]);
      if (isCreditCard(text)) found.push(['credit_card', last]);
    }
    if (found.length === before && this.#isPhone(text, last)) found.push(['phone', last]);
  }

  #sizes(last: number): number[] {
    const sizes: number[] = [];
    for (let i = 0; i <= last; i++) sizes.push(this.#groups[i]!.text.length);
    return sizes;
  }

  #isSpacedRight(last: number): boolean {
    if (last === 0) return true;
    return this.#groups.slice(0, last).every(({ text }) => text.length === 4) && this.#groups[last]!.text.length <= 4;
  }

  #isPhone(digits: string, last: number): boolean {
    const first = this.#groups[0]!;
    if (!first.plus && !first.cue && first.bracketAt < 0 && !mayBePhone(digits, first.text.length, last + 1)) return false;
    const others = this.#groups.slice(1, last + 1);
    if (others.some((group) => group.plus)) return false;
    return isPhone({
      digits,
      plus: first.plus,
      sizes: this.#sizes(last),
      separators: others.map((group) => signOf(group.before)),
      bracket: first.bracketAt >= 0,
      cue: first.cue,
    });
  }
}
