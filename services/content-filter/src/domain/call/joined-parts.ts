import type { Policy, TextMatch, TextStream } from './policy.ts';
import { pushed } from './whole-text.ts';

/**
 * The text parts of one message, one behind the other, as templates of models join them: what is blocked is blocked too
 * when it is cut in parts. Each part alone was looked at before.
 */
export class JoinedParts {
  readonly #policy: Policy;
  readonly #found: (matches: readonly TextMatch[], message: number) => void;
  #message = -1;
  #first = '';
  #stream: TextStream | undefined;

  constructor(policy: Policy, found: (matches: readonly TextMatch[], message: number) => void) {
    this.#policy = policy;
    this.#found = found;
  }

  /** The rule that blocks what the parts so far say together. Yields between stretches of text. */
  *add(part: string, message: number): Generator<void, number | undefined> {
    if (message !== this.#message) {
      this.#message = message;
      this.#first = part;
      this.#stream = undefined;
      return undefined;
    }
    if (!this.#stream) {
      this.#stream = this.#policy.open('in');
      const first = yield* this.#push(this.#stream, this.#first);
      if (first !== undefined) return first;
    }
    return yield* this.#push(this.#stream, part);
  }

  *#push(stream: TextStream, part: string): Generator<void, number | undefined> {
    const { matches, blockedBy } = yield* pushed(stream, part);
    if (blockedBy !== undefined) this.#found(matches.filter(({ rule }) => rule === blockedBy), this.#message);
    return blockedBy;
  }
}
