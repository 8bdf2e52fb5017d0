import type { Detector, Match } from '../detector.ts';
import { SpareDetectors } from '../lent-detector.ts';
import type { PiiType } from './pii-type.ts';
import { findEmails, LONGEST_EMAIL, LONGEST_LOCAL_PART } from './email.ts';
import { findIpv4, isIpv6 } from './ip.ts';
import { NumberGathering } from './number-gathering.ts';
import { CUE_REACH, isPhoneCue, LONGEST_CUE } from './phone-cue.ts';
import { firstThatMatters, readFrom } from './plain-stretch.ts';
import { TwoReadings, type Reading } from './two-readings.ts';
import { classOfPair, CLASS_OF, FOLDED, isHex, UnitClass } from './unit-class.ts';
import { isUscc, USCC_LENGTH } from './uscc.ts';
import { WordBuffer } from './word-buffer.ts';

/** So many characters that nobody sees may stand between two of a candidate; without an end they would hold text without end. */
export const MOST_INVISIBLE = 8;
/** A word without digits that is longer can only be part of an e-mail address. */
const LONGEST_WITHOUT_DIGIT = 4;
const LONGEST_HEX_GROUP = 4;
const LONGEST_IPV4 = 15;
const IPV4_DOTS = 3;
/** In less nothing could be passed over: pieces of a stream are short. */
const LEAST_STRETCH = 48;
/** Too far before the text for a number in it. */
const NO_CUE = -CUE_REACH - 1;

const [AT, DOT, DASH, COLON] = ['@', '.', '-', ':'].map((sign) => sign.charCodeAt(0)) as [number, number, number, number];

/** A type of personal data, and the rule that looks for it. */
interface PiiRule {
  readonly rule: number;
  readonly type: PiiType;
}

/** A word of letters alone that ends so is no part of anything. */
const endsPlainWord = (unitClass: number): boolean => unitClass === UnitClass.Other || (unitClass >= UnitClass.Space && unitClass <= UnitClass.Close);

/**
 * Personal data by its form and its checks, found in one pass over the text: words (letters, digits and what joins them) are
 * judged when they end, and words of digits are gathered to numbers over blanks, dashes and brackets. Unit by unit, so that
 * the cuts of the text play no part. A text with raised, circled and other such characters is read in two ways. What is held is the
 * current word, or the number that it may belong to. Give the same list for every text.
 */
export function piiDetector(types: readonly PiiRule[]): Detector {
  return SPARE.lend(types);
}

class PiiReading implements Reading<PiiReading> {
  readonly #rules = new Map<PiiType, number[]>();
  readonly #matches: Match[] = [];
  readonly #word = new WordBuffer();
  readonly #gathering = new NumberGathering((type, start, end) => this.#report(type, start, end));
  readonly #email: boolean;
  readonly #ip: boolean;
  readonly #numbers: boolean;
  readonly #lettersMatter: boolean;
  readonly #phone: boolean;
  /** Marks stand for what they are a form of; else they end what they stand beside. */
  readonly #marksAreForms: boolean;
  #position = 0;
  /** The first half of a pair that may matter, until the second comes; else 0. */
  #half = 0;
  #inWord = false;
  /** Nothing in the rest of this word can match. */
  #dead = false;
  /** No part of this word can match; it is only looked at as an announcement of a number. */
  #hopeless = false;
  #hasDigit = false;
  #onlyDigits = true;
  #hasAt = false;
  #dots = 0;
  /** While the word may be an IPv6 address: its colons, and where the group after the last one begins. */
  #colons = 0;
  #group = 0;
  #invisible = 0;
  #cueAt = NO_CUE;

  constructor(types: readonly PiiRule[], marksAreForms: boolean) {
    this.#marksAreForms = marksAreForms;
    for (const { rule, type } of types) this.#rules.set(type, [...(this.#rules.get(type) ?? []), rule]);
    const wants = (...asked: PiiType[]): boolean => asked.some((type) => this.#rules.has(type));
    this.#email = wants('email');
    this.#ip = wants('ip');
    this.#numbers = wants('phone', 'cn_id', 'bank_card', 'credit_card', 'iban');
    this.#phone = wants('phone');
    this.#lettersMatter = wants('email', 'ip', 'iban', 'uscc');
  }

  get frontier(): number {
    const until = this.#half === 0 ? this.#position : this.#position - 1;
    if (this.#gathering.isOpen) return this.#gathering.start;
    return this.#word.length > 0 && !this.#hopeless ? this.#word.start(0) : until;
  }

  push(piece: string): void {
    this.#read(piece, false);
  }

  pushUntilMark(piece: string): number {
    return this.#read(piece, true);
  }

  #read(piece: string, untilMark: boolean): number {
    let plainUntil = 0;
    for (let i = 0; i < piece.length; i++) {
      if (this.#half !== 0) {
        const pair = classOfPair(this.#half, piece.charCodeAt(i));
        if (untilMark && pair?.unitClass === UnitClass.Mark) return i;
        this.#half = 0;
        this.#take(pair?.unitClass ?? UnitClass.Other, pair?.unit ?? 0, true);
        if (pair) {
          this.#position++;
          continue;
        }
      }
      if (i >= plainUntil && piece.length - i >= LEAST_STRETCH && !this.#inWord && !this.#gathering.isOpen) {
        plainUntil = firstThatMatters(piece, i);
        const from = readFrom(piece, i, plainUntil);
        this.#position += from - i;
        i = from;
        if (i === piece.length) break;
      }
      const unit = piece.charCodeAt(i);
      const unitClass = CLASS_OF[unit]!;
      if (unitClass === UnitClass.Half) this.#half = unit;
      else if (unitClass === UnitClass.Mark && untilMark) return i;
      else if (unitClass === UnitClass.Letter) i += this.#letters(piece, i) - 1;
      else this.#take(unitClass, FOLDED[unit]!, false);
      this.#position++;
    }
    return piece.length;
  }

  /** @param unit what it stands for @param isPair it is two units of the text, the second at this position */
  #take(unitClass: number, unit: number, isPair: boolean): void {
    if (unitClass !== UnitClass.Invisible) this.#invisible = 0;
    switch (unitClass === UnitClass.Mark ? this.#classOfMark(unit) : unitClass) {
      case UnitClass.Other:
        if (this.#inWord || this.#gathering.isOpen) this.#break();
        break;
      case UnitClass.Digit:
      case UnitClass.Letter:
      case UnitClass.Joiner:
        if (!this.#dead) this.#inWordUnit(unit, CLASS_OF[unit]!, isPair);
        break;
      case UnitClass.Colon:
        this.#colon();
        break;
      case UnitClass.Invisible:
        if (++this.#invisible > MOST_INVISIBLE) this.#break();
        break;
      default:
        this.#separate(unit, CLASS_OF[unit]!);
    }
  }

  #classOfMark(unit: number): number {
    return this.#marksAreForms ? CLASS_OF[unit]! : UnitClass.Other;
  }

  end(): void {
    this.#half = 0;
    this.#break();
  }

  drain(into: Match[]): void {
    for (const match of this.#matches) into.push(match);
    this.#matches.length = 0;
  }

  reset(): void {
    this.#clearWord();
    this.#gathering.reset();
    this.#matches.length = 0;
    this.#position = this.#half = this.#invisible = 0;
    this.#cueAt = NO_CUE;
  }

  /** Invisible characters are counted anew behind a mark. */
  goOnFrom(other: PiiReading): void {
    this.#word.goOnFrom(other.#word);
    this.#gathering.goOnFrom(other.#gathering);
    this.#position = other.#position;
    this.#half = other.#half;
    this.#inWord = other.#inWord;
    this.#dead = other.#dead;
    this.#hopeless = other.#hopeless;
    this.#hasDigit = other.#hasDigit;
    this.#onlyDigits = other.#onlyDigits;
    this.#hasAt = other.#hasAt;
    this.#dots = other.#dots;
    this.#colons = other.#colons;
    this.#group = other.#group;
    this.#cueAt = other.#cueAt;
  }

  /** The letters from `i` on as far as they can be taken at once; returns how many, the last of which the caller counts. */
  #letters(piece: string, i: number): number {
    this.#invisible = 0;
    let count = 0;
    if (!this.#inWord) {
      if (!this.#gathering.isOpen) count = this.#plainWord(piece, i);
    } else if (this.#tellsByLength()) {
      count = this.#word.appendLetters(piece, i, this.#position, LONGEST_LOCAL_PART);
      this.#onlyDigits = false;
    }
    if (count === 0) {
      if (!this.#dead) this.#inWordUnit(FOLDED[piece.charCodeAt(i)]!, UnitClass.Letter);
      return 1;
    }
    this.#position += count - 1;
    return count;
  }

  /** The length of a word of letters alone that this piece has whole, 0 without one: nothing of it has to be kept. */
  #plainWord(piece: string, from: number): number {
    let to = from + 1;
    while (to < piece.length && CLASS_OF[piece.charCodeAt(to)] === UnitClass.Letter) to++;
    if (to === piece.length || !endsPlainWord(CLASS_OF[piece.charCodeAt(to)]!)) return 0;
    if (this.#phone && isPhoneCue(piece, from, to)) this.#cueAt = this.#position + to - from;
    return to - from;
  }

  /** Whether letters change nothing but the length of this word, up to that of a local part. */
  #tellsByLength(): boolean {
    return !this.#dead && this.#colons === 0 && (this.#email || this.#hopeless);
  }

  #report(type: PiiType, start: number, end: number): void {
    for (const rule of this.#rules.get(type) ?? []) this.#matches.push({ rule, start, end });
  }

  /** What follows has nothing to do with what came before. */
  #break(): void {
    this.#endWord();
    this.#gathering.end();
  }

  #separate(unit: number, unitClass: number): void {
    if (this.#inWord) this.#endWord();
    if (this.#gathering.isOpen || (unitClass === UnitClass.Open && this.#numbers)) this.#gathering.separate(String.fromCharCode(unit), this.#position);
  }

  #inWordUnit(unit: number, unitClass: number, isPair = false): void {
    if (!this.#inWord) this.#startWord(unitClass);
    else if (this.#colons > 0) this.#continueIpv6(unit, unitClass);
    if (this.#dead) return;
    if (isPair) this.#word.appendPair(unit, this.#position - 1);
    else this.#word.append(unit, this.#position);
    if (unitClass === UnitClass.Digit) this.#hasDigit = true;
    else this.#onlyDigits = false;
    if (unit === DOT) this.#dots++;
    else if (unit === AT) this.#hasAt = true;
    const { length } = this.#word;
    if (length > LONGEST_WITHOUT_DIGIT && !this.#hasDigit && !this.#email) this.#loseHope();
    if (length > LONGEST_LOCAL_PART && !(this.#hasAt && this.#email && length <= LONGEST_EMAIL)) this.#abandonWord();
  }

  #startWord(unitClass: number): void {
    this.#inWord = true;
    if (unitClass !== UnitClass.Letter) return;
    if (this.#gathering.isOpen && !this.#gathering.expectsLetters) this.#gathering.end();
    if (!this.#lettersMatter) this.#loseHope();
  }

  #loseHope(): void {
    this.#gathering.end();
    this.#hopeless = true;
  }

  /** It is longer than all that could match; addresses that stand in it already are found. */
  #abandonWord(): void {
    if (this.#hasAt) this.#reportEmails();
    this.#gathering.end();
    this.#clearWord();
    this.#inWord = this.#dead = true;
  }

  #clearWord(): void {
    this.#word.length = this.#dots = this.#colons = this.#group = 0;
    this.#inWord = this.#dead = this.#hopeless = this.#hasDigit = this.#hasAt = false;
    this.#onlyDigits = true;
  }

  /** A colon joins the groups of an IPv6 address; of everything else it is the end. */
  #colon(): void {
    const groupLength = this.#word.length - this.#group;
    const joins = this.#ip && !this.#dead && groupLength <= LONGEST_HEX_GROUP && this.#isHexFrom(this.#group);
    if (!joins) {
      this.#break();
      return;
    }
    if (!this.#inWord) this.#gathering.end();
    this.#inWord = true;
    this.#word.append(COLON, this.#position);
    this.#colons++;
    this.#group = this.#word.length;
    if (this.#word.length > LONGEST_LOCAL_PART) this.#abandonWord();
  }

  #isHexFrom(index: number): boolean {
    for (let i = index; i < this.#word.length; i++) if (!isHex(this.#word.unit(i))) return false;
    return true;
  }

  /** Before the next unit of what may be an IPv6 address: it stays one, or it ends, or only what follows the last colon counts. */
  #continueIpv6(unit: number, unitClass: number): void {
    const groupLength = this.#word.length - this.#group;
    if (isHex(unit) && groupLength < (this.#dots > 0 ? LONGEST_IPV4 : LONGEST_HEX_GROUP)) return;
    if (unit === DOT) return;
    if (unitClass === UnitClass.Joiner && this.#reportIpv6()) {
      this.#clearWord();
      this.#inWord = true;
      return;
    }
    this.#dropToLastColon();
  }

  #dropToLastColon(): void {
    this.#gathering.end();
    this.#word.dropFirst(this.#group);
    this.#colons = this.#group = 0;
  }

  #reportIpv6(): boolean {
    const text = this.#word.text().replace(/\.+$/, '').replace(/([^:]):$/, '$1');
    if (!isIpv6(text)) return false;
    this.#report('ip', this.#word.start(0), this.#word.end(text.length));
    return true;
  }

  #reportEmails(): boolean {
    const found = this.#email ? findEmails(this.#word.text()) : [];
    for (const [start, end] of found) this.#report('email', this.#word.start(start), this.#word.end(end));
    return found.length > 0;
  }

  #endWord(): void {
    if (!this.#inWord) return;
    if (!this.#hasDigit && !this.#hasAt && this.#colons === 0 && !this.#gathering.isOpen) {
      if (this.#isCue()) this.#cueAt = this.#position;
    } else if (!this.#dead && this.#word.length > 0) {
      this.#judgeWord();
    }
    this.#clearWord();
  }

  #judgeWord(): void {
    if (this.#colons > 0) {
      if (this.#reportIpv6()) {
        this.#gathering.end();
        return;
      }
      this.#dropToLastColon();
    }
    if (this.#hasAt && this.#reportEmails()) {
      this.#gathering.end();
    } else if (!this.#hopeless && (this.#hasDigit || this.#gathering.expectsLetters)) {
      this.#judgeDigits();
    } else if (this.#word.length === 1 && this.#word.unit(0) === DASH) {
      this.#gathering.separate('-', this.#position);
    } else {
      if (this.#isCue()) this.#cueAt = this.#position;
      this.#gathering.end();
    }
  }

  #isCue(): boolean {
    return this.#phone && this.#word.length <= LONGEST_CUE && isPhoneCue(this.#word.text(), 0, this.#word.length);
  }

  #judgeDigits(): void {
    const cue = this.#word.start(0) - this.#cueAt <= CUE_REACH;
    if (this.#onlyDigits && this.#word.length !== USCC_LENGTH) {
      if (this.#numbers) this.#gathering.addDigits(this.#word, cue);
      return;
    }
    const word = this.#word.text();
    const addresses = this.#ip && this.#dots >= IPV4_DOTS ? findIpv4(word) : [];
    for (const [start, end] of addresses) this.#report('ip', this.#word.start(start), this.#word.end(end));
    const lead = /^[-._%@]*/.exec(word)![0].length;
    const text = word.slice(lead).replace(/[-._%+@]+$/, '');
    if (isUscc(text)) this.#report('uscc', this.#word.start(lead), this.#word.end(lead + text.length));
    if (this.#numbers && addresses.length === 0) this.#gathering.add(text, lead, this.#word, cue);
    else this.#gathering.end();
  }
}

const SPARE = new SpareDetectors((types: readonly PiiRule[]) => new TwoReadings((marksAreForms) => new PiiReading(types, marksAreForms)));
