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
  /** The number of the list in which the part stands: a message that has two of them has a content twice. */
  readonly list: number;
}

/**
 * The texts in the content of messages, read together as a model may read them: all that there are, and, where this is something else, each list of parts by
 * itself. Of names that are there twice a parser keeps the last; of the parts some templates read every text, others that of its type, some without refusals.
 * What a model does not read would stand between the pieces of what is cut.
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
    if (texts.length < 2) return undefined;
    for (const list of Map.groupBy(texts, (text) => text.list).values()) {
      for (const reading of this.#readingsOf(list, texts.length)) {
        const parts = new JoinedParts(this.#policy, this.#found);
        for (const { text, alone } of reading) {
          const refusedBy = yield* parts.add(text, alone, this.#message);
          if (refusedBy !== undefined) return refusedBy;
        }
        const refusedBy = parts.end();
        if (refusedBy !== undefined) return refusedBy;
      }
    }
    return undefined;
  }

  /** The ways to read a list, but what was read already. @param read how many texts all lists have, which were read together */
  #readingsOf(list: readonly PartText[], read: number): readonly (readonly PartText[])[] {
    const named = lastOfEachName(list);
    const typed = named.filter(({ part, type }) => this.#types.get(part) === type);
    const [namedText, typedText] = [named, typed].map((some) => some.filter(({ type }) => type === 'text')) as [PartText[], PartText[]];
    const readings: (readonly PartText[])[] = [];
    if (named.length < read) readings.push(named);
    if (typed.length < named.length) readings.push(typed);
    if (namedText.length < named.length) readings.push(namedText);
    if (typedText.length < typed.length && typedText.length < namedText.length) readings.push(typedText);
    return readings;
  }
}

/** Without the texts that stand in their part once more. */
function lastOfEachName(texts: readonly PartText[]): readonly PartText[] {
  const last = new Map<string, PartText>();
  for (const text of texts) last.set(`${text.part} ${text.type}`, text);
  return [...last.values()];
}
