import { JoinedBytes } from './joined-bytes.ts';
import { EVENT_LIMIT_BYTES } from './limits.ts';

/** Called for each complete event; `name` is the value of its `event:` line, or the empty string. */
export type OnEvent = (data: string, name: string) => void;

const CR = 13;
const LF = 10;
const COLON = 58;
const SPACE = 32;
const NOTHING = Buffer.alloc(0);

/**
 * Server-sent events from bytes that are cut anywhere (WHATWG HTML, section 9.2.6).
 *
 * Works on bytes until a line is whole, so a character that is split between two reads stays whole: no byte of a
 * multi-byte character equals a line end. Lines end with LF, CRLF or CR. `id` and `retry` mean nothing here.
 */
export class SseParser {
  readonly #onEvent: OnEvent;
  readonly #limitBytes: number;
  /** The start of a line whose end has not come. */
  readonly #begun = new JoinedBytes();
  #afterCr = false;
  #isFirstLine = true;
  #data: string | undefined;
  #dataBytes = 0;
  #name = '';

  constructor(onEvent: OnEvent, limitBytes = EVENT_LIMIT_BYTES) {
    this.#onEvent = onEvent;
    this.#limitBytes = limitBytes;
  }

  /** Takes the next bytes. False when a line or an event passes the limit; the stream is then worth nothing. */
  push(bytes: Buffer): boolean {
    // Carriage returns are rare: one fast search per read decides which loop runs.
    if (this.#afterCr || bytes.includes(CR)) return this.#pushWithReturns(bytes);
    let start = 0;
    for (let end = bytes.indexOf(LF); end !== -1; end = bytes.indexOf(LF, start)) {
      if (!this.#line(bytes, start, end)) return false;
      start = end + 1;
    }
    return this.#keep(bytes, start);
  }

  /** True when the stream ended inside an event: a blank line is missing. */
  get isInsideEvent(): boolean {
    return this.#begun.length > 0 || this.#data !== undefined;
  }

  /** The stream is over: a last event that lacks only its line ends is taken as it is. */
  end(): void {
    if (this.#begun.length > 0) this.#line(NOTHING, 0, 0);
    this.#dispatch();
  }

  #pushWithReturns(bytes: Buffer): boolean {
    let start = 0;
    for (let at = 0; at < bytes.length; at++) {
      const byte = bytes[at];
      const swallow = byte === LF && this.#afterCr;
      this.#afterCr = byte === CR;
      if (swallow) start = at + 1;
      else if (byte === LF || byte === CR) {
        if (!this.#line(bytes, start, at)) return false;
        start = at + 1;
      }
    }
    return this.#keep(bytes, start);
  }

  #keep(bytes: Buffer, start: number): boolean {
    if (start === bytes.length) return true;
    this.#begun.push(start === 0 ? bytes : bytes.subarray(start));
    return this.#begun.length <= this.#limitBytes;
  }

  #line(bytes: Buffer, from: number, to: number): boolean {
    let line = bytes;
    let start = from;
    let end = to;
    if (this.#begun.length > 0) {
      this.#begun.push(bytes.subarray(from, to));
      line = this.#begun.take();
      start = 0;
      end = line.length;
    }
    if (this.#isFirstLine) {
      this.#isFirstLine = false;
      if (line[start] === 0xef && line[start + 1] === 0xbb && line[start + 2] === 0xbf) start += 3;
    }
    if (start >= end) {
      this.#dispatch();
      return true;
    }
    return this.#field(line, start, end);
  }

  #field(line: Buffer, start: number, end: number): boolean {
    if (isField(line, start, end, 'data')) {
      const text = valueOf(line, start + 4, end);
      this.#dataBytes += end - start;
      this.#data = this.#data === undefined ? text : `${this.#data}\n${text}`;
      return this.#dataBytes <= this.#limitBytes;
    }
    if (isField(line, start, end, 'event')) this.#name = valueOf(line, start + 5, end);
    return end - start <= this.#limitBytes;
  }

  #dispatch(): void {
    const data = this.#data;
    const name = this.#name;
    this.#data = undefined;
    this.#dataBytes = 0;
    this.#name = '';
    if (data !== undefined) this.#onEvent(data, name);
  }
}

function isField(line: Buffer, start: number, end: number, name: string): boolean {
  const length = name.length;
  if (end - start < length) return false;
  for (let at = 0; at < length; at++) if (line[start + at] !== name.charCodeAt(at)) return false;
  return end - start === length || line[start + length] === COLON;
}

/** The field's value: what follows the colon, less one space. */
function valueOf(line: Buffer, colon: number, end: number): string {
  if (colon >= end) return '';
  return line.toString('utf8', line[colon + 1] === SPACE ? colon + 2 : colon + 1, end);
}
