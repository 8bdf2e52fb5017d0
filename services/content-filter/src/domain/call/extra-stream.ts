import type { ChatEvent, Delta } from '@sluice/proto/chat/v1/chat';
import { CleanTexts } from './clean-texts.ts';
import { jsonTextOf } from './json-bytes.ts';
import { JsonEdits, jsonLiterals, JsonPath, numberTexts, type JsonLiteral } from './json-literals.ts';
import { beyondLimit, HELD_PIECES_LIMIT, HELD_UNITS_LIMIT, JSON_LIMIT_BYTES, STREAMS_LIMIT } from './limits.ts';
import { isEncodedData } from './media-text.ts';
import { OUTPUT_NAMES } from './output-names.ts';
import type { Policy, Release, TextMatch, TextStream } from './policy.ts';
import { lookAt, pushed } from './whole-text.ts';

const COVER = '***';

/** Strings that stand at one place in the objects of one choice, one behind the other. */
interface Strand {
  readonly stream: TextStream;
  pushed: number;
  decided: number;
}

/** An object that waits for its strings to be decided. */
interface Waiting {
  event: ChatEvent;
  readonly bytes: number;
  readonly parts: { readonly strand: Strand; readonly start: number; readonly end: number }[];
  isCovered: boolean;
}

/**
 * Members of the message that Sluice does not interpret (`annotations`, the transcript in `audio`, reasoning under other
 * names), of one choice. Each string and number is masked for itself; a name, which cannot be, blocks. As backends send such text in pieces too, what stands at the
 * same place in one object after the other is one text besides: an object waits until its strings are decided there, and
 * leaves without any of them when it has a part in something that is masked.
 */
export class ExtraStream {
  readonly #policy: Policy;
  readonly #found: (matches: readonly TextMatch[]) => void;
  readonly #places = new Places();
  readonly #clean = new CleanTexts();
  readonly #strands = new Map<JsonPath, Strand>();
  #waiting: Waiting[] = [];
  #heldBytes = 0;

  constructor(policy: Policy, found: (matches: readonly TextMatch[]) => void) {
    this.#policy = policy;
    this.#found = found;
  }

  /** Takes an event that has no text, and appends what leaves. True when a rule blocks. Yields between stretches of text. */
  *push(event: ChatEvent, delta: Delta, into: ChatEvent[]): Generator<void, boolean> {
    this.#heldBytes += delta.extraJson.length;
    if (this.#heldBytes > JSON_LIMIT_BYTES || this.#waiting.length >= HELD_PIECES_LIMIT) throw beyondLimit('so much beside the text');
    const waiting: Waiting = { event, bytes: delta.extraJson.length, parts: [], isCovered: false };
    this.#waiting.push(waiting);
    const source = jsonTextOf(delta.extraJson);
    const edits = new JsonEdits(source);
    for (const literal of jsonLiterals(source, this.#places.root)) {
      if (this.#places.saysNothing(literal)) continue;
      const left = yield* this.#leftOf(literal);
      if (left === undefined) return true;
      if (left !== literal.text) edits.replace(literal, left);
      if (literal.kind === 'string' && !this.#places.isId(literal) && (yield* this.#append(waiting, this.#strand(literal.place), left))) return true;
    }
    if (edits.isChanged) waiting.event = withExtra(event, delta, edits.bytes());
    this.#leave(into);
    return false;
  }

  /** Nothing follows. True when a rule blocks. */
  end(into: ChatEvent[]): boolean {
    for (const strand of this.#strands.values()) if (this.#decide(strand, strand.stream.end(), strand.pushed)) return true;
    this.#leave(into);
    return false;
  }

  /** What leaves of a literal by itself; undefined when a rule blocks. A masked number becomes a string. */
  *#leftOf({ kind, text }: JsonLiteral<JsonPath>): Generator<void, string | undefined> {
    for (const said of kind === 'number' ? numberTexts(text) : [text]) {
      if (this.#clean.has(said)) continue;
      const { text: left, matches, blockedBy } = yield* lookAt(this.#policy.open('out'), said);
      this.#found(matches);
      if (blockedBy !== undefined || (kind === 'name' && left !== said)) return undefined;
      if (left !== said) return left;
      if (matches.length === 0) this.#clean.add(said);
    }
    return text;
  }

  *#append(waiting: Waiting, strand: Strand, text: string): Generator<void, boolean> {
    const start = strand.pushed;
    strand.pushed += text.length;
    waiting.parts.push({ strand, start, end: strand.pushed });
    return this.#decide(strand, yield* pushed(strand.stream, text), start);
  }

  /** @param latest where the latest string begins: what lies in one string was found in it already */
  #decide(strand: Strand, { matches, blockedBy }: Release, latest: number): boolean {
    this.#found(matches.filter(({ start, end }) => start < latest && end > latest));
    if (blockedBy !== undefined) return true;
    if (strand.stream.held > HELD_UNITS_LIMIT) throw beyondLimit('so much beside the text');
    strand.decided = strand.pushed - strand.stream.held;
    for (const match of matches) {
      if (this.#policy.rule(match.rule).action !== 'mask') continue;
      for (const waiting of this.#waiting) waiting.isCovered ||= waiting.parts.some((part) => part.strand === strand && part.start < match.end && part.end > match.start);
    }
    return false;
  }

  #leave(into: ChatEvent[]): void {
    let done = 0;
    for (const { event, bytes, parts, isCovered } of this.#waiting) {
      if (parts.some(({ strand, end }) => end > strand.decided)) break;
      into.push(isCovered ? covered(event) : event);
      this.#heldBytes -= bytes;
      done++;
    }
    if (done > 0) this.#waiting = this.#waiting.slice(done);
  }

  #strand(path: JsonPath): Strand {
    let strand = this.#strands.get(path);
    if (strand) return strand;
    if (this.#strands.size >= STREAMS_LIMIT) throw beyondLimit('so much beside the text');
    strand = { stream: this.#policy.open('out'), pushed: 0, decided: 0 };
    this.#strands.set(path, strand);
    return strand;
  }
}

/** What is known of places in such an object. */
class Places {
  readonly root = new JsonPath();
  readonly #sound = this.root.member('audio').member('data');
  readonly #soundId = this.root.member('audio').member('id');

  saysNothing(literal: JsonLiteral<JsonPath>): boolean {
    return literal.kind === 'name' ? OUTPUT_NAMES.has(literal.text) : this.isSound(literal);
  }

  isSound({ kind, place, text }: JsonLiteral<JsonPath>): boolean {
    return kind === 'string' && place === this.#sound && isEncodedData(text);
  }

  /** Comes again with every piece, and is no text that goes on. */
  isId({ place }: JsonLiteral<JsonPath>): boolean {
    return place === this.#soundId;
  }
}

/** The object with stars for its texts, and without sound. Were it left out, what stands around it would be joined. */
function covered(event: ChatEvent): ChatEvent {
  const delta = event.event.value as Delta;
  const source = jsonTextOf(delta.extraJson);
  const edits = new JsonEdits(source);
  const places = new Places();
  for (const literal of jsonLiterals(source, places.root)) if (literal.kind === 'string') edits.replace(literal, places.isSound(literal) ? '' : COVER);
  return withExtra(event, delta, edits.bytes());
}

function withExtra(event: ChatEvent, delta: Delta, extraJson: Uint8Array): ChatEvent {
  return { ...event, event: { case: 'delta', value: { ...delta, extraJson } } };
}
