import { numberTexts } from './json-literals.ts';
import { JsonStringText } from './json-string-text.ts';
import type { Policy, Release, TextDirection, TextMatch, TextStream } from './policy.ts';

/** A number or a word outside of a string, with the space behind it. No number in use is as long. */
const BARE_LIMIT_UNITS = 1024;

const SPACE = /[ \t\n\r]/;
const BARE = /[\w$+.-]/;
/** What may begin a text that is one number, `true`, `false` or `null`. */
const SCALAR_START = /[-0-9tfn]/;
const SCALAR = /^(?:-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null)$/;
const WORDS = new Set(['true', 'false', 'null']);

/**
 * A JSON text as a stream (RFC 8259): every string, key or value, and every number is a text of its own, looked at as
 * what it stands for; what leaves is the source as it came, but for what was masked. A masked number becomes a string.
 * Valid JSON stays valid.
 *
 * Models write what is almost JSON, and programs read it: a comma too many, a name without quotes or an escape that does
 * not exist is let stand, so that the strings around it are still read. What cannot be JSON (it begins with none of its
 * characters, or has others between its strings) is plain text from there on.
 *
 * Offsets, of matches too, count units of the source.
 */
export class JsonText implements TextStream {
  readonly #policy: Policy;
  readonly #direction: TextDirection;
  readonly #isMasked: (rule: number) => boolean;
  #string: JsonStringText | undefined;
  /** A number or word, and space behind it, whose end was not seen yet. */
  #bare = '';
  /** A bracket or a quote was seen. */
  #isStructured = false;
  #plain: { readonly stream: TextStream; readonly start: number } | undefined;
  #isOver = false;
  /** Units of the source that were read. */
  #read = 0;
  #text = '';
  #matches: TextMatch[] = [];
  #blockedBy: number | undefined;

  constructor(policy: Policy, direction: TextDirection) {
    this.#policy = policy;
    this.#direction = direction;
    this.#isMasked = (rule) => policy.rule(rule).action === 'mask';
  }

  get held(): number {
    if (this.#isOver) return 0;
    return this.#bare.length + (this.#string?.held ?? 0) + (this.#plain?.stream.held ?? 0);
  }

  push(piece: string): Release {
    let at = 0;
    while (at < piece.length && this.#blockedBy === undefined) at = this.#step(piece, at);
    this.#read += piece.length;
    return this.#taken();
  }

  end(): Release {
    if (this.#string) this.#keep(this.#string.end());
    else if (this.#bare !== '' && !this.#isStructured && !SCALAR.test(this.#bare.trimEnd())) this.#turnPlain('', this.#read);
    else this.#endBare(this.#read);
    if (this.#plain && this.#blockedBy === undefined) this.#keepPlain(this.#plain.stream.end());
    this.#isOver = true;
    return this.#taken();
  }

  /** Reads at least one unit, and gives where it stopped. */
  #step(piece: string, at: number): number {
    if (this.#plain) {
      this.#keepPlain(this.#plain.stream.push(piece.slice(at)));
      return piece.length;
    }
    if (this.#string) return this.#readString(this.#string, piece, at);
    const character = piece.charAt(at);
    const isBare = BARE.test(character);
    if (this.#bare !== '' || (isBare && (this.#isStructured || SCALAR_START.test(character)))) return this.#readBare(piece, at, character, isBare);
    if (SPACE.test(character)) this.#text += character;
    else if (character === '"') this.#openString(at);
    else if ('[{'.includes(character) || (this.#isStructured && ']},:'.includes(character))) {
      this.#isStructured = true;
      this.#text += character;
    } else {
      this.#turnPlain(piece.slice(at), this.#read + at);
      return piece.length;
    }
    return at + 1;
  }

  #openString(at: number): void {
    this.#isStructured = true;
    this.#text += '"';
    this.#string = new JsonStringText(this.#policy.open(this.#direction), this.#isMasked, this.#read + at + 1);
  }

  #readString(string: JsonStringText, piece: string, from: number): number {
    const at = string.read(piece, from);
    if (at === piece.length) {
      this.#keep(string.release());
      return at;
    }
    this.#keep(string.end());
    if (this.#blockedBy !== undefined) return at;
    this.#string = undefined;
    this.#text += '"';
    return at + 1;
  }

  #readBare(piece: string, at: number, character: string, isBare: boolean): number {
    const goesOn = SPACE.test(character) || (isBare && (this.#bare === '' || BARE.test(this.#bare.at(-1)!)));
    if (goesOn && this.#bare.length < BARE_LIMIT_UNITS) {
      this.#bare += character;
      return at + 1;
    }
    if (!this.#isStructured || !']},:'.includes(character)) {
      this.#turnPlain(piece.slice(at), this.#read + at);
      return piece.length;
    }
    this.#endBare(this.#read + at);
    return at;
  }

  /** @param end offset behind it */
  #endBare(end: number): void {
    const word = this.#bare.trimEnd();
    const space = this.#bare.slice(word.length);
    const start = end - this.#bare.length;
    this.#bare = '';
    if (word === '' || WORDS.has(word)) {
      this.#text += word + space;
      return;
    }
    for (const said of numberTexts(word)) {
      const stream = this.#policy.open(this.#direction);
      const pushed = stream.push(said);
      const ended = pushed.blockedBy === undefined ? stream.end() : undefined;
      // Of what is only read out of the source, a match is all of that.
      const place = (match: TextMatch): TextMatch => (said === word ? { ...match, start: match.start + start, end: match.end + start } : { ...match, start, end: start + word.length });
      this.#matches.push(...[...pushed.matches, ...(ended?.matches ?? [])].map(place));
      this.#blockedBy = pushed.blockedBy ?? ended?.blockedBy;
      if (this.#blockedBy !== undefined) return;
      const text = pushed.text + ended!.text;
      if (text === said) continue;
      this.#text += JSON.stringify(text) + space;
      return;
    }
    this.#text += word + space;
  }

  /** What was held outside of a string, and all that follows, is no JSON. @param start offset of `rest` */
  #turnPlain(rest: string, start: number): void {
    const stream = this.#policy.open(this.#direction);
    this.#plain = { stream, start: start - this.#bare.length };
    const text = this.#bare + rest;
    this.#bare = '';
    this.#keepPlain(stream.push(text));
  }

  #keepPlain({ text, matches, blockedBy }: Release): void {
    const { start } = this.#plain!;
    this.#keep({ text, matches: matches.map((match) => ({ ...match, start: match.start + start, end: match.end + start })), ...(blockedBy === undefined ? {} : { blockedBy }) });
  }

  #keep({ text, matches, blockedBy }: Release): void {
    this.#text += text;
    this.#matches.push(...matches);
    this.#blockedBy = blockedBy;
  }

  #taken(): Release {
    const release = { text: this.#text, matches: this.#matches };
    this.#text = '';
    this.#matches = [];
    return this.#blockedBy === undefined ? release : { ...release, blockedBy: this.#blockedBy };
  }
}
