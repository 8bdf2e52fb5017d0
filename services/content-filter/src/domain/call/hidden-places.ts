import { piiTypeOf, type Kind } from '../rule.ts';
import type { Policy, TextMatch } from './policy.ts';

/** The rest of a word behind an address: `jane@example.com` and `Please`. */
const REST_OF_WORD = /^\p{L}+$/u;

/** What the masks of the parts of a text hide, each part looked at by itself; offsets are those of the text that the parts make up. */
export class HiddenPlaces {
  readonly #policy: Policy;
  /** Matches that stand so in a part: rule, start and end. */
  readonly #shown = new Set<string>();
  /** Where nothing is to be seen, in order: each begins behind the end of the one before. */
  readonly #starts: number[] = [];
  readonly #ends: number[] = [];
  /** End of an address, by its rule and where it begins. */
  readonly #addresses = new Map<string, number>();

  constructor(policy: Policy) {
    this.#policy = policy;
  }

  /** @param matches of one part, looked at by itself @param from where the part begins: behind those that were added before */
  add(matches: readonly TextMatch[], from: number): void {
    for (const match of [...matches].sort((left, right) => left.start - right.start)) {
      const { rule, start, end } = { rule: match.rule, start: match.start + from, end: match.end + from };
      const { action, kind } = this.#policy.rule(rule);
      this.#shown.add(`${rule}:${start}:${end}`);
      if (action !== 'mask') continue;
      const type = piiTypeOf(kind as Kind);
      if (type === undefined) this.#hide(start, end);
      else if (type === 'email') this.#addresses.set(`${rule}:${start}`, end);
    }
  }

  /** Whether a part shows this very match by itself. */
  has({ rule, start, end }: TextMatch): boolean {
    return this.#shown.has(`${rule}:${start}:${end}`);
  }

  /**
   * Whether the masks of the parts hide all that the mask of this match would. Of words and expressions nothing stays, so that what they cover is hidden,
   * whichever rules they are of. Personal data keeps its form, which shows more of a shorter number: only the same match does. Of an
   * address the domain stays; the next part may go on with letters there.
   */
  hides(match: TextMatch): boolean {
    if (this.has(match)) return true;
    const before = this.#indexBefore(match.start);
    if (before >= 0 && this.#ends[before]! >= match.end) return true;
    const address = this.#addresses.get(`${match.rule}:${match.start}`);
    return address !== undefined && REST_OF_WORD.test(match.text.slice(address - match.start));
  }

  #hide(start: number, end: number): void {
    const last = this.#ends.length - 1;
    if (last >= 0 && start <= this.#ends[last]!) {
      this.#ends[last] = Math.max(this.#ends[last]!, end);
      return;
    }
    this.#starts.push(start);
    this.#ends.push(end);
  }

  /** Of the last place that begins at an offset or before it; -1 without one. */
  #indexBefore(offset: number): number {
    let low = 0;
    let high = this.#starts.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#starts[middle]! <= offset) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }
}
