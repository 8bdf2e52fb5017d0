import { HiddenPlaces } from './hidden-places.ts';
import { STRETCH_UNITS } from './limits.ts';
import type { Policy, Release, TextMatch, TextStream } from './policy.ts';

/**
 * The text parts of one message, one behind the other, as templates of models join them: what is blocked is blocked too when it is cut in
 * parts, and what would be masked is refused when it is, because no part alone can be masked. Each part alone was looked at before. What its masks hide
 * is no reason to refuse, but nothing less, but for the form of a number that stands whole in a part: a cut must not leave to see what stands hidden in the text as a whole, be it because it goes through a
 * match, or because it parts a match from a word that announces it.
 */
export class JoinedParts {
  readonly #policy: Policy;
  readonly #found: (matches: readonly TextMatch[], message: number) => void;
  #message = -1;
  #first = '';
  #firstAlone: readonly TextMatch[] = [];
  #hidden: HiddenPlaces;
  /** Where the next part begins. */
  #length = 0;
  #stream: TextStream | undefined;

  /** @param found told what no part alone shows, of rules that block, of the one that refuses, and of those that flag */
  constructor(policy: Policy, found: (matches: readonly TextMatch[], message: number) => void) {
    this.#policy = policy;
    this.#found = found;
    this.#hidden = new HiddenPlaces(policy);
  }

  /** The rule that blocks what the parts so far say together. Yields between stretches of text. @param alone what the part shows by itself */
  *add(part: string, alone: readonly TextMatch[], message: number): Generator<void, number | undefined> {
    if (message !== this.#message) {
      const before = this.end();
      this.#message = message;
      this.#first = part;
      this.#firstAlone = alone;
      return before;
    }
    if (!this.#stream) {
      this.#stream = this.#policy.open('in');
      this.#hidden = new HiddenPlaces(this.#policy);
      this.#length = 0;
      const first = yield* this.#push(this.#stream, this.#first, this.#firstAlone);
      if (first !== undefined) return first;
    }
    return yield* this.#push(this.#stream, part, alone);
  }

  /** The rule that blocks now that nothing follows: a word may be one only because its message ends with it. */
  end(): number | undefined {
    const stream = this.#stream;
    this.#stream = undefined;
    const refusedBy = stream && this.#told(stream.end());
    this.#message = -1;
    return refusedBy;
  }

  *#push(stream: TextStream, part: string, alone: readonly TextMatch[]): Generator<void, number | undefined> {
    this.#hidden.add(alone, this.#length);
    this.#length += part.length;
    for (let at = 0; at < part.length; at += STRETCH_UNITS) {
      if (at > 0) yield;
      const refusedBy = this.#told(stream.push(part.slice(at, at + STRETCH_UNITS)));
      if (refusedBy !== undefined) return refusedBy;
    }
    return undefined;
  }

  #told({ matches, blockedBy }: Release): number | undefined {
    const actionOf = ({ rule }: TextMatch) => this.#policy.rule(rule).action;
    const refusedBy = blockedBy ?? matches.find((match) => actionOf(match) === 'mask' && !this.#hidden.hides(match))?.rule;
    const told = matches.filter((match) => match.rule === refusedBy || (actionOf(match) === 'flag' && !this.#hidden.has(match)));
    if (told.length > 0) this.#found(told, this.#message);
    return refusedBy;
  }
}
