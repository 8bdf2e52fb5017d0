import type { ChatEvent, Delta, ToolCall } from '@sluice/proto/chat/v1/chat';
import { MaskedSpans, type Span } from './changed-part.ts';
import { beyondLimit, HELD_PIECES_LIMIT, HELD_UNITS_LIMIT, JSON_LIMIT_BYTES } from './limits.ts';
import type { Release, TextMatch, TextStream } from './policy.ts';
import { pushed } from './whole-text.ts';

const NO_BYTES = new Uint8Array(0);

/** A piece of text as it came, and where it stands in the text of its channel. */
interface Piece {
  readonly event: ChatEvent;
  readonly delta: Delta;
  readonly start: number;
  readonly end: number;
  /** Something of it has left; id and name of a tool have too. */
  hasBegun: boolean;
  /** Some of it was masked: its log-probabilities would tell what. */
  wasMasked: boolean;
}

/** What leaves, in the making. */
interface Draft {
  /** The event as it came, while nothing was changed about it. */
  event: ChatEvent | undefined;
  readonly delta: Delta;
  text: string;
  tool: ToolCall | undefined;
  logprobsJson: Uint8Array;
}

/**
 * One channel of one choice (or one tool call of it): pieces go in, what may leave comes out, in order. Pieces leave as
 * they came where they can; of a piece that was held the text may leave together with that of the next. Log-probabilities
 * leave with the end of their text. Members that are no text go another way (extra-stream.ts).
 */
export class ChannelStream {
  readonly #stream: TextStream;
  readonly #found: (matches: readonly TextMatch[]) => void;
  readonly #masks: MaskedSpans;
  #pieces: Piece[] = [];
  /** Log-probabilities that wait. */
  #heldBytes = 0;
  /** UTF-16 units that came, and that were decided. */
  #pushed = 0;
  #decided = 0;

  constructor(stream: TextStream, isMasked: (rule: number) => boolean, found: (matches: readonly TextMatch[]) => void) {
    this.#stream = stream;
    this.#found = found;
    this.#masks = new MaskedSpans(isMasked);
  }

  /** Appends what leaves. True when a rule blocks: nothing leaves any more. Yields between stretches of text. */
  *push(event: ChatEvent, delta: Delta, into: ChatEvent[]): Generator<void, boolean> {
    if (delta.text === '') {
      this.#pushEmpty(event, delta, into);
      return false;
    }
    const release = yield* pushed(this.#stream, delta.text);
    const start = this.#pushed;
    this.#pushed += delta.text.length;
    if (this.#pieces.length === 0 && release.text === delta.text && release.blockedBy === undefined && this.#stream.held === 0 && release.matches.length === 0) {
      this.#decided = this.#pushed;
      into.push(event);
      return false;
    }
    this.#hold({ event, delta, start, end: this.#pushed, hasBegun: false, wasMasked: false });
    return this.#release(release, into);
  }

  /** Nothing follows. True when a rule blocks. */
  end(into: ChatEvent[]): boolean {
    return this.#release(this.#stream.end(), into);
  }

  #pushEmpty(event: ChatEvent, delta: Delta, into: ChatEvent[]): void {
    if (this.#pieces.length === 0) into.push(event);
    else if (delta.tool?.id || delta.tool?.name || delta.logprobsJson.length > 0) {
      this.#hold({ event, delta, start: this.#pushed, end: this.#pushed, hasBegun: false, wasMasked: false });
    }
  }

  #hold(piece: Piece): void {
    this.#heldBytes += piece.delta.logprobsJson.length;
    if (this.#pieces.length >= HELD_PIECES_LIMIT || this.#stream.held > HELD_UNITS_LIMIT || this.#heldBytes > JSON_LIMIT_BYTES) throw beyondLimit('so much at once');
    this.#pieces.push(piece);
  }

  #release({ text, matches, blockedBy }: Release, into: ChatEvent[]): boolean {
    this.#found(matches);
    if (blockedBy !== undefined) {
      const first = this.#pieces[0];
      if (text !== '' && first) into.push(eventOf({ ...draftOf(first), text }));
      this.#pieces = [];
      return true;
    }
    this.#masks.add(matches);
    const through = this.#pushed - this.#stream.held;
    const changed = this.#changed(text, through);
    let draft: Draft | undefined;
    let done = 0;
    for (const piece of this.#pieces) {
      if (piece.start >= through && piece.end > through) break;
      const part = this.#part(piece, text, through, changed);
      piece.wasMasked ||= changed !== undefined && piece.start < changed.end && piece.end > changed.start;
      const isWhole = piece.end <= through;
      if (isWhole) {
        done++;
        this.#heldBytes -= piece.delta.logprobsJson.length;
      }
      draft = joined(draft, piece, part, isWhole);
      piece.hasBegun = true;
      if (isWhole && draft.logprobsJson.length > 0) draft = left(draft, into);
    }
    if (draft) left(draft, into);
    this.#pieces = this.#pieces.slice(done);
    this.#decided = through;
    return false;
  }

  #changed(text: string, through: number): Span | undefined {
    if (through === this.#decided) return undefined;
    let source = '';
    for (const { delta, start, end } of this.#pieces) {
      if (start >= through) break;
      source += delta.text.slice(Math.max(0, this.#decided - start), Math.min(end, through) - start);
    }
    return this.#masks.changed(source, text, this.#decided);
  }

  /** What leaves for a piece; what stands for a masked part leaves with the piece in which that begins. */
  #part(piece: Piece, text: string, through: number, changed: Span | undefined): string {
    const at = (offset: number): number =>
      changed === undefined || offset <= changed.start ? offset - this.#decided : text.length - (through - Math.max(offset, changed.end));
    return text.slice(at(Math.max(piece.start, this.#decided)), at(Math.min(piece.end, through)));
  }
}

function draftOf(piece: Piece): Draft {
  const { event, delta, hasBegun } = piece;
  const tool = delta.tool && hasBegun ? { ...delta.tool, id: '', type: '', name: '' } : delta.tool;
  return { event: hasBegun ? undefined : event, delta, text: '', tool, logprobsJson: NO_BYTES };
}

/** @param draft what the piece is joined to; @param isWhole the end of the piece leaves too */
function joined(draft: Draft | undefined, piece: Piece, part: string, isWhole: boolean): Draft {
  const next = draft ?? draftOf(piece);
  if (draft) {
    draft.event = undefined;
    if (!piece.hasBegun && piece.delta.tool?.id) draft.tool = piece.delta.tool;
  }
  next.text += part;
  if (isWhole && !piece.wasMasked) next.logprobsJson = piece.delta.logprobsJson;
  if (!isWhole || part !== piece.delta.text || piece.wasMasked) next.event = undefined;
  return next;
}

/** Lets it leave, unless it says nothing. */
function left(draft: Draft, into: ChatEvent[]): undefined {
  const { event, text, tool, logprobsJson } = draft;
  if (event) into.push(event);
  else if (text !== '' || tool?.id || tool?.name || logprobsJson.length > 0) into.push(eventOf(draft));
  return undefined;
}

/** A literal with its type name: `create` of protobuf-es would walk over the schema. */
function eventOf({ delta: { choice, channel }, text, tool, logprobsJson }: Draft): ChatEvent {
  return {
    $typeName: 'chat.v1.ChatEvent',
    event: { case: 'delta', value: { $typeName: 'chat.v1.Delta', choice, channel, text, logprobsJson, extraJson: NO_BYTES, ...(tool ? { tool } : {}) } },
  };
}
