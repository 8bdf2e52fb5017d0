import { JoinedParts } from './joined-parts.ts';
import type { Policy, TextMatch } from './policy.ts';

/** A text in a part of a message's content. */
export interface PartText {
  readonly text: string;
  /** What it shows by itself. */
  readonly alone: readonly TextMatch[];
  /** The type of part of which it is the text. */
  readonly type: 'text' | 'refusal';
  /** The number of the part, which no other of the call has. */
  readonly part: number;
}

/**
 * The texts in the content of messages, read together as a model may read them: all that there are, and, where this is something else, of each part the
 * text of its type, the last when it is there twice. A text that no model reads, as in a part that is an image, would stand between the
 * pieces of one that is cut.
 */
export class MessageParts {
  readonly #policy: Policy;
  readonly #found: (matches: readonly TextMatch[], message: number) => void;
  readonly #all: JoinedParts;
  readonly #types = new Map<number, string>();
  #message = -1;
  #texts: PartText[] = [];

  /** @param found as that of `JoinedParts` */
  constructor(policy: Policy, found: (matches: readonly TextMatch[], message: number) => void) {
    this.#policy = policy;
    this.#found = found;
    this.#all = new JoinedParts(policy, found);
  }

  /** The type of a part, before its text or behind it. */
  type(type: string, part: number): void {
    this.#types.set(part, type);
  }

  /** The rule that blocks what the texts so far say together. Yields between stretches of text. */
  *add(text: PartText, message: number): Generator<void, number | undefined> {
    const before = message === this.#message ? undefined : yield* this.end();
    this.#message = message;
    this.#texts.push(text);
    const refusedBy = yield* this.#all.add(text.text, text.alone, message);
    return before ?? refusedBy;
  }

  /** The rule that blocks now that nothing follows. */
  *end(): Generator<void, number | undefined> {
    const texts = this.#texts;
    this.#texts = [];
    return this.#all.end() ?? (yield* this.#readAgain(texts));
  }

  *#readAgain(texts: readonly PartText[]): Generator<void, number | undefined> {
    const read = new Map<number, PartText>();
    for (const text of texts) if (this.#types.get(text.part) === text.type) read.set(text.part, text);
    if (read.size === texts.length) return undefined;
    const parts = new JoinedParts(this.#policy, this.#found);
    for (const { text, alone } of read.values()) {
      const refusedBy = yield* parts.add(text, alone, this.#message);
      if (refusedBy !== undefined) return refusedBy;
    }
    return parts.end();
  }
}
