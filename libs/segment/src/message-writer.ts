import { LENGTH_DELIMITED, VARINT, tag } from './wire.ts';

const FIRST_BYTES = 16 * 1024;
/** A scratch that grew beyond this for one large prompt is not kept. */
const KEPT_BYTES = 256 * 1024;
const VARINT_LIMIT_BYTES = 10;
/** Bytes of UTF-8 for one UTF-16 unit, at most. */
const UTF8_PER_UNIT = 3;
const MOST_EXACT = BigInt(Number.MAX_SAFE_INTEGER);
/** From here on a field's number takes two bytes. */
const TWO_BYTE_FIELD = 16;
/** Up to here a loop over characters is faster than a call into the runtime. */
const SHORT_TEXT_CHARACTERS = 40;

/**
 * Writes messages in protobuf's wire format into one scratch that is used again and again. Zero values are not
 * written, as everywhere in proto3. Fields must come in the order of their numbers.
 */
export class MessageWriter {
  #scratch = Buffer.allocUnsafeSlow(FIRST_BYTES);
  #at = 0;

  string(field: number, value: string | undefined): void {
    if (!value) return;
    this.#reserve(value.length * UTF8_PER_UNIT + 2 * VARINT_LIMIT_BYTES);
    this.#tag(field, LENGTH_DELIMITED);
    if (value.length <= SHORT_TEXT_CHARACTERS && this.#ascii(value)) return;
    const bytes = Buffer.byteLength(value);
    this.#varint(bytes);
    this.#at += this.#scratch.write(value, this.#at);
  }

  bytes(field: number, value: Uint8Array | undefined): void {
    if (value && value.length > 0) this.frame(field, value);
  }

  /** A length-delimited field, also when it is empty: an element of a list, or a member of a oneof. */
  frame(field: number, value: Uint8Array): void {
    this.#reserve(value.length + 2 * VARINT_LIMIT_BYTES);
    this.#tag(field, LENGTH_DELIMITED);
    this.#varint(value.length);
    this.#scratch.set(value, this.#at);
    this.#at += value.length;
  }

  number(field: number, value: number | bigint | boolean | undefined): void {
    if (!value) return;
    this.#reserve(2 * VARINT_LIMIT_BYTES);
    this.#tag(field, VARINT);
    this.#varint(Number(value));
  }

  /** An int64 of any size and sign: budgets in nano-units go beyond what a number holds exactly. Throws for what 64 bits do not hold. */
  amount(field: number, value: bigint | undefined): void {
    if (!value) return;
    if (value > 0n && value <= MOST_EXACT) return this.number(field, value);
    if (BigInt.asIntN(64, value) !== value) throw new RangeError('an amount in a record has more than 64 bits');
    this.#reserve(2 * VARINT_LIMIT_BYTES);
    this.#tag(field, VARINT);
    let rest = BigInt.asUintN(64, value);
    while (rest > 0x7fn) {
      this.#scratch[this.#at++] = Number(rest & 0x7fn) | 0x80;
      rest >>= 7n;
    }
    this.#scratch[this.#at++] = Number(rest);
  }

  /** Begins a message within the message; give the result to `end`. */
  begin(field: number): number {
    this.#reserve(2 * VARINT_LIMIT_BYTES);
    this.#tag(field, LENGTH_DELIMITED);
    return ++this.#at;
  }

  /** Ends a message: most are shorter than 128 bytes, so one byte was left for the length, and others are moved. */
  end(start: number): void {
    const length = this.#at - start;
    if (length < 0x80) {
      this.#scratch[start - 1] = length;
      return;
    }
    this.#reserve(VARINT_LIMIT_BYTES);
    this.#at = start - 1;
    let moved = 0;
    for (let rest = length >>> 7; rest > 0; rest >>>= 7) moved++;
    this.#scratch.copyWithin(start + moved, start, start + length);
    this.#varint(length);
    this.#at += length;
  }

  /** What was written since the last time. The caller owns the bytes. */
  finish(): Buffer {
    const message = Buffer.allocUnsafe(this.#at);
    this.#scratch.copy(message, 0, 0, this.#at);
    this.reset();
    return message;
  }

  /** Forgets what was written; also after an error in the middle of a message. */
  reset(): void {
    this.#at = 0;
    if (this.#scratch.length > KEPT_BYTES) this.#scratch = Buffer.allocUnsafeSlow(FIRST_BYTES);
  }

  /** False when the text is not ASCII; then nothing was written. */
  #ascii(value: string): boolean {
    const scratch = this.#scratch;
    const start = this.#at;
    for (let index = 0; index < value.length; index++) {
      const code = value.charCodeAt(index);
      if (code > 0x7f) return false;
      scratch[start + 1 + index] = code;
    }
    scratch[start] = value.length;
    this.#at = start + 1 + value.length;
    return true;
  }

  #tag(field: number, wireType: number): void {
    const key = tag(field, wireType);
    if (field < TWO_BYTE_FIELD) {
      this.#scratch[this.#at++] = key;
      return;
    }
    this.#scratch[this.#at++] = (key & 0x7f) | 0x80;
    this.#scratch[this.#at++] = key >>> 7;
  }

  /** Arithmetic instead of shifts: counts and times have more than 32 bits, and bigints cost ten times as much. */
  #varint(value: number): void {
    if (!Number.isSafeInteger(value) || value < 0) throw new RangeError('a number in a record is no count');
    let rest = value;
    while (rest > 0x7f) {
      this.#scratch[this.#at++] = (rest % 0x80) | 0x80;
      rest = Math.floor(rest / 0x80);
    }
    this.#scratch[this.#at++] = rest;
  }

  #reserve(bytes: number): void {
    const needed = this.#at + bytes;
    if (needed <= this.#scratch.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(needed, 2 * this.#scratch.length));
    this.#scratch.copy(larger, 0, 0, this.#at);
    this.#scratch = larger;
  }
}

/** The one scratch: a record is written in one turn, so nothing else writes meanwhile. */
export const writer = new MessageWriter();
