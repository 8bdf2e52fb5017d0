import { MaskedSpans } from './changed-part.ts';
import type { Release, TextMatch, TextStream } from './policy.ts';

/** How many escapes are remembered to tell where a match stands; a match has less. */
const ESCAPES_KEPT = 4096;

const SIMPLE_ESCAPES: Readonly<Record<string, string>> = { '"': '"', '\\': '\\', '/': '/', b: '\b', f: '\f', n: '\n', r: '\r', t: '\t' };

/**
 * The inside of one JSON string that comes in pieces (RFC 8259, section 7): the text it stands for is looked at, and what
 * leaves is its own source up to the first mask; from there on the string is written anew, so that what leaves does not
 * depend on how much of it was decided at once.
 *
 * An escape that JSON does not know stands for its own characters, as for a reader who sees the source.
 */
export class JsonStringText {
  readonly #stream: TextStream;
  readonly #masks: MaskedSpans;
  /** Offset of the first unit behind the opening quote, in the whole source. */
  readonly #start: number;
  /** Decoded and not decided; and its source. */
  #text = '';
  #source = '';
  /** Decoded units that were decided. */
  #decided = 0;
  /** An escape that is not complete. */
  #escape = '';
  /** For each escape: the offset of its unit, and by how much the source before that unit's end is longer than the text. */
  #escapes: { readonly at: number; readonly extra: number }[] = [];
  #fresh = '';
  #isRewritten = false;

  constructor(stream: TextStream, isMasked: (rule: number) => boolean, start: number) {
    this.#stream = stream;
    this.#masks = new MaskedSpans(isMasked);
    this.#start = start;
  }

  /** Reads up to the closing quote, or all of it; gives where it stopped. What was read is looked at with `release` or `end`. */
  read(piece: string, from: number): number {
    let at = from;
    while (at < piece.length) {
      if (this.#escape !== '') {
        if (!this.#readEscape(piece.charAt(at))) continue;
        at++;
        continue;
      }
      const stop = runEnd(piece, at);
      if (stop > at) this.#take(piece.slice(at, stop));
      if (stop === piece.length || piece.charCodeAt(stop) === QUOTE) return stop;
      this.#escape = '\\';
      at = stop + 1;
    }
    return at;
  }

  /** Source units that are not decided. */
  get held(): number {
    return this.#source.length + this.#escape.length;
  }

  release(): Release {
    const fresh = this.#fresh;
    this.#fresh = '';
    return this.#decide(this.#stream.push(fresh));
  }

  /** The string is over, or will never be. */
  end(): Release {
    if (this.#escape !== '') this.#literal();
    const pushed = this.release();
    if (pushed.blockedBy !== undefined) return pushed;
    const ended = this.#decide(this.#stream.end());
    return { ...ended, text: pushed.text + ended.text, matches: [...pushed.matches, ...ended.matches] };
  }

  /** False when the character is not of the escape. */
  #readEscape(character: string): boolean {
    const escape = this.#escape + character;
    if (escape.length === 2) {
      const unit = SIMPLE_ESCAPES[character];
      if (unit !== undefined) this.#unit(unit, escape);
      else if (character === 'u') this.#escape = escape;
      else {
        this.#literal();
        return false;
      }
      return true;
    }
    if (!/[0-9a-fA-F]/.test(character)) {
      this.#literal();
      return false;
    }
    if (escape.length === 6) this.#unit(String.fromCharCode(Number.parseInt(escape.slice(2), 16)), escape);
    else this.#escape = escape;
    return true;
  }

  #unit(unit: string, escape: string): void {
    const extra = (this.#escapes.at(-1)?.extra ?? 0) + escape.length - 1;
    this.#escapes.push({ at: this.#decided + this.#text.length, extra });
    if (this.#escapes.length > 2 * ESCAPES_KEPT) this.#escapes = this.#escapes.slice(ESCAPES_KEPT);
    this.#escape = '';
    this.#text += unit;
    this.#source += escape;
    this.#fresh += unit;
  }

  #literal(): void {
    const escape = this.#escape;
    this.#escape = '';
    this.#take(escape);
  }

  #take(run: string): void {
    this.#text += run;
    this.#source += run;
    this.#fresh += run;
  }

  #decide({ text, matches, blockedBy }: Release): Release {
    this.#masks.add(matches);
    const through = blockedBy === undefined ? this.#decided + this.#text.length - this.#stream.held : blockStart(matches, blockedBy);
    const length = Math.max(0, Math.min(through - this.#decided, this.#text.length));
    const found = matches.map((match) => this.#inSource(match));
    const base = this.#offset(this.#decided);
    const sourceLength = this.#offset(this.#decided + length) - base;
    const left = this.#written(text, length, base, sourceLength);
    this.#text = this.#text.slice(length);
    this.#source = this.#source.slice(sourceLength);
    this.#decided += length;
    return blockedBy === undefined ? { text: left, matches: found } : { text: left, matches: found, blockedBy };
  }

  /** The source of what leaves. */
  #written(text: string, length: number, base: number, sourceLength: number): string {
    if (this.#isRewritten) return encoded(text);
    const changed = this.#masks.changed(this.#text.slice(0, length), text, this.#decided);
    if (changed === undefined) return this.#source.slice(0, sourceLength);
    this.#isRewritten = true;
    return this.#source.slice(0, this.#offset(changed.start) - base) + encoded(text.slice(changed.start - this.#decided));
  }

  #inSource(match: TextMatch): TextMatch {
    return { ...match, start: this.#offset(match.start), end: this.#offset(match.end) };
  }

  /** Where a unit of the text begins in the whole source. */
  #offset(unit: number): number {
    for (let index = this.#escapes.length - 1; index >= 0; index--) {
      const { at, extra } = this.#escapes[index]!;
      if (at < unit) return this.#start + unit + extra;
    }
    return this.#start + unit;
  }
}

const QUOTE = 34;
const BACKSLASH = 92;

/** Surrogates are escaped one by one: the halves of a pair may leave one after the other. */
function encoded(text: string): string {
  return JSON.stringify(text).slice(1, -1).replace(/[\ud800-\udfff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16)}`);
}

/** What leaves before a match that blocks reaches up to it. */
function blockStart(matches: readonly TextMatch[], blockedBy: number): number {
  return Math.min(...matches.filter(({ rule }) => rule === blockedBy).map(({ start }) => start));
}

function runEnd(piece: string, from: number): number {
  for (let at = from; at < piece.length; at++) {
    const unit = piece.charCodeAt(at);
    if (unit === QUOTE || unit === BACKSLASH) return at;
  }
  return piece.length;
}
