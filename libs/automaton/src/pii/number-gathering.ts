import { ibanLengthFrom } from './iban.ts';
import { NumberChain } from './number-chain.ts';
import type { PiiType } from './pii-type.ts';
import type { WordBuffer } from './word-buffer.ts';
import { groupsOfDigits, groupsOfLetters, type WordGroup } from './word-groups.ts';

const MOST_SEPARATORS = 3;
const IBAN_GROUP = 4;
const DASH = '-';
const OPENING = '(';

/** Blanks and brackets separate what may be read apart; dashes and dots make one number of what they join. */
const isSoft = (separator: string): boolean => separator === '' || separator === ' ' || /[ ()]/.test(separator);

/** Words with digits, and the blanks, dashes and brackets between them, become the groups of a chain. */
export class NumberGathering {
  readonly #chain: NumberChain;
  /** What stands between the last group and what follows. */
  #separator = '';
  #bracketAt = -1;

  constructor(report: (type: PiiType, start: number, end: number) => void) {
    this.#chain = new NumberChain(report);
  }

  /** Whether a number may have begun before the current word. */
  get isOpen(): boolean {
    return this.#bracketAt >= 0 || !this.#chain.isEmpty;
  }

  /** Where it would begin. */
  get start(): number {
    return this.#chain.isEmpty ? this.#bracketAt : this.#chain.start;
  }

  get expectsLetters(): boolean {
    return this.#chain.expectsLetters;
  }

  /** A blank, a bracket or a dash that stands alone. */
  separate(sign: string, offset: number): void {
    if (sign === OPENING) this.#bracketAt = offset;
    else if (this.#chain.isEmpty) this.end();
    if (!this.isOpen) return;
    this.#separator += sign;
    if (this.#separator.length > MOST_SEPARATORS) this.end();
  }

  /** A word of digits alone. */
  addDigits(word: WordBuffer, cue: boolean): void {
    this.#add({ text: word.text(), from: 0, to: word.length, before: '', plus: false, extension: false }, word, cue);
    this.#separator = '';
  }

  /** What of a word is left after `lead` joiners and before those at its end. */
  add(text: string, lead: number, word: WordBuffer, cue: boolean): void {
    if (lead > 0 && !this.#chain.isEmpty) this.#separator += DASH;
    const groups = groupsOfDigits(text) ?? this.#groupsOfIban(text);
    for (const group of groups) {
      if (group.before !== '') this.#separator = group.before;
      this.#add({ ...group, from: group.from + lead, to: group.to + lead }, word, cue);
    }
    this.#separator = '';
    const joinersBehind = word.length - lead - text.length;
    const endsInDash = joinersBehind === 1 && word.unit(word.length - 1) === DASH.charCodeAt(0);
    if (groups.length === 0 || (joinersBehind > 0 && !endsInDash)) this.end();
    else if (endsInDash) this.#separator = DASH;
  }

  end(): void {
    this.#chain.end();
    this.#separator = '';
    this.#bracketAt = -1;
  }

  /** What comes next is the beginning of another text. */
  reset(): void {
    this.#chain.reset();
    this.#separator = '';
    this.#bracketAt = -1;
  }

  goOnFrom(other: NumberGathering): void {
    this.#chain.goOnFrom(other.#chain);
    this.#separator = other.#separator;
    this.#bracketAt = other.#bracketAt;
  }

  /** Letters go on with an IBAN that has begun, or begin one; what was gathered before is no part of it. */
  #groupsOfIban(text: string): readonly WordGroup[] {
    const groups = groupsOfLetters(text) ?? [];
    if (groups.length === 0 || (this.#chain.expectsLetters && text.length <= IBAN_GROUP)) return groups;
    if (ibanLengthFrom(text) === 0) return [];
    this.end();
    return groups;
  }

  #add({ text, from, to, plus, extension }: WordGroup, word: WordBuffer, cue: boolean): void {
    const before = this.#separator;
    const bracketAt = this.#bracketAt;
    this.#bracketAt = -1;
    this.#chain.add({ text, start: word.start(from), end: word.end(to), iban: ibanLengthFrom(text), plus, extension, bracketAt, before, soft: isSoft(before), cue });
  }
}
