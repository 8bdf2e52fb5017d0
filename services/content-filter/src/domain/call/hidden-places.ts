import { piiTypeOf, type Kind } from '../rule.ts';
import type { Policy, TextMatch } from './policy.ts';

type Place = Pick<TextMatch, 'rule' | 'start' | 'end'>;

/** The rest of a word behind an address: `jane@example.com` and `Please`. */
const REST_OF_WORD = /^\p{L}+$/u;

/** An address has 320 characters at most; eight that nobody sees may stand between two of them. */
const LONGEST_PERSONAL_DATA = 4096;

/** What the masks of the parts of a text hide, each part looked at by itself; offsets are those of the text that the parts make up. */
export class HiddenPlaces {
  readonly #policy: Policy;
  /** Where each part begins, and what it shows by itself, in the order of the starts, by its own offsets. */
  readonly #begins: number[] = [];
  readonly #shown: (readonly Place[])[] = [];
  /** Where nothing is to be seen, in order: each begins behind the end of the one before. */
  readonly #starts: number[] = [];
  readonly #ends: number[] = [];

  constructor(policy: Policy) {
    this.#policy = policy;
  }

  /** @param matches of one part, looked at by itself @param from where the part begins: behind those that were added before */
  add(matches: readonly Place[], from: number): void {
    const shown = inOrder(matches);
    this.#begins.push(from);
    this.#shown.push(shown);
    for (const { rule, start, end } of shown) if (this.#policy.rule(rule).action === 'mask' && !this.#typeOf(rule)) this.#hide(start + from, end + from);
  }

  /** Whether a part shows this very match by itself. */
  has(match: Place): boolean {
    return this.#own(match, (own) => own.start === match.start && own.end === match.end) !== undefined;
  }

  /**
   * Whether the masks of the parts hide all that the mask of this match would. Of words and expressions nothing stays, so that what they cover is hidden,
   * whichever rules they are of. Personal data keeps its form: a match does that is the same, or the longer number that stands whole in a part
   * (`032 696 10 69`, of which `His` in the next part takes the end); its form may show two to four digits that the form of the shorter one hides, and always hides four. Of an address the domain stays; the next part may go on with
   * letters there.
   */
  hides(match: TextMatch): boolean {
    const before = lastUpTo(this.#starts, (start) => start <= match.start);
    if (before >= 0 && this.#ends[before]! >= match.end) return true;
    const type = this.#typeOf(match.rule);
    if (type && this.#own(match, (own) => own.end >= match.end) !== undefined) return true;
    const address = type === 'email' ? this.#own(match, (own) => own.start === match.start) : undefined;
    return address !== undefined && REST_OF_WORD.test(match.text.slice(address.end - match.start));
  }

  #typeOf(rule: number): ReturnType<typeof piiTypeOf> {
    return piiTypeOf(this.#policy.rule(rule).kind as Kind);
  }

  /** A match of the same rule that a part shows, for which this holds, from the place of this match on or from before it. */
  #own({ rule, start }: Place, holds: (own: Place) => boolean): Place | undefined {
    const part = lastUpTo(this.#begins, (begin) => begin <= start);
    if (part < 0) return undefined;
    const from = this.#begins[part]!;
    const shown = this.#shown[part]!;
    for (let at = lastUpTo(shown, (place) => place.start + from <= start); at >= 0 && shown[at]!.start + from > start - LONGEST_PERSONAL_DATA; at--) {
      const own = { rule: shown[at]!.rule, start: shown[at]!.start + from, end: shown[at]!.end + from };
      if (own.rule === rule && holds(own)) return own;
    }
    return undefined;
  }

  #hide(start: number, end: number): void {
    const last = this.#ends.length - 1;
    if (last < 0 || start > this.#ends[last]!) {
      this.#starts.push(start);
      this.#ends.push(end);
    } else if (end > this.#ends[last]!) this.#ends[last] = end;
  }
}

function inOrder(matches: readonly Place[]): readonly Place[] {
  const isInOrder = matches.every(({ start }, index) => index === 0 || matches[index - 1]!.start <= start);
  return isInOrder ? matches : [...matches].sort((left, right) => left.start - right.start);
}

/** Index of the last of which this holds, where it holds of all before; -1 when of none. */
function lastUpTo<T>(all: readonly T[], holds: (one: T) => boolean): number {
  let low = 0;
  let high = all.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (holds(all[middle]!)) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}
