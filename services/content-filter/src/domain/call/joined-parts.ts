import { HELD_UNITS_LIMIT } from './limits.ts';
import type { Policy, Release, TextMatch, TextStream } from './policy.ts';
import { pushed } from './whole-text.ts';

type Place = Pick<TextMatch, 'rule' | 'start' | 'end'>;

/**
 * The text parts of one message, one behind the other, as templates of models join them: what is blocked is blocked too
 * when it is cut in parts, and what would be masked is refused when it is, because no part alone can be masked. Each part
 * alone was looked at before: what it shows of a rule is masked there, whatever else the parts say at that place.
 */
export class JoinedParts {
  readonly #policy: Policy;
  readonly #found: (matches: readonly TextMatch[], message: number) => void;
  #message = -1;
  #first = '';
  /** What the parts alone have shown, by its place in the message. */
  #shown: Place[] = [];
  /** Where the next part begins, and where those before it did. */
  #length = 0;
  #borders: number[] = [];
  #stream: TextStream | undefined;

  constructor(policy: Policy, found: (matches: readonly TextMatch[], message: number) => void) {
    this.#policy = policy;
    this.#found = found;
  }

  /** The rule that blocks what the parts so far say together. Yields between stretches of text. @param alone what the part shows by itself */
  *add(part: string, alone: readonly TextMatch[], message: number): Generator<void, number | undefined> {
    if (message !== this.#message) {
      const before = this.end();
      this.#message = message;
      this.#first = part;
      this.#length = 0;
      this.#borders = [];
      this.#shown = [...alone];
      return before;
    }
    const from = this.#stream ? this.#length : this.#first.length;
    for (const { rule, start, end } of alone) this.#shown.push({ rule, start: start + from, end: end + from });
    if (!this.#stream) {
      this.#stream = this.#policy.open('in');
      const first = yield* this.#push(this.#stream, this.#first);
      if (first !== undefined) return first;
    }
    return yield* this.#push(this.#stream, part);
  }

  /** The rule that blocks now that nothing follows: a word may be one only because its message ends with it. */
  end(): number | undefined {
    const stream = this.#stream;
    this.#stream = undefined;
    return stream && this.#told(stream.end());
  }

  *#push(stream: TextStream, part: string): Generator<void, number | undefined> {
    this.#borders.push(this.#length);
    this.#length += part.length;
    return this.#told(yield* pushed(stream, part));
  }

  #told({ matches, blockedBy }: Release): number | undefined {
    const refusedBy = blockedBy ?? matches.find((match) => this.#policy.rule(match.rule).action === 'mask' && this.#isCut(match))?.rule;
    if (refusedBy !== undefined) this.#found(matches.filter(({ rule }) => rule === refusedBy), this.#message);
    return refusedBy;
  }

  /** What crosses a border, and no part alone shows. */
  #isCut({ rule, start, end }: TextMatch): boolean {
    if (!this.#borders.some((border) => start < border && border < end)) return false;
    for (let index = this.#shown.length - 1; index >= 0 && this.#shown[index]!.start >= start - HELD_UNITS_LIMIT; index--) {
      const shown = this.#shown[index]!;
      if (shown.rule === rule && start <= shown.start && shown.end <= end) return false;
    }
    return true;
  }
}
