/**
 * The frames of protobuf's wire format (protobuf.dev/programming-guides/encoding) around parts that are encoded
 * already. Encoding each part once tells its exact size before it is placed, and costs half of encoding it as a tree.
 */
export const LENGTH_DELIMITED = 2;
export const VARINT = 0;

export function tag(field: number, wireType: number): number {
  return (field << 3) | wireType;
}

export function varintBytes(value: number): number {
  let bytes = 1;
  for (let rest = value >>> 7; rest > 0; rest >>>= 7) bytes++;
  return bytes;
}

/** Size of a length-delimited field with a field number below 16. */
export function fieldBytes(length: number): number {
  return 1 + varintBytes(length) + length;
}

/** Writes into one buffer of known size. */
export class FrameWriter {
  readonly buffer: Buffer;
  #at = 0;

  constructor(sizeBytes: number) {
    this.buffer = Buffer.allocUnsafe(sizeBytes);
  }

  byte(value: number): void {
    this.buffer[this.#at++] = value;
  }

  varint(value: number): void {
    let rest = value;
    while (rest > 0x7f) {
      this.buffer[this.#at++] = (rest & 0x7f) | 0x80;
      rest >>>= 7;
    }
    this.buffer[this.#at++] = rest;
  }

  bytes(value: Uint8Array): void {
    this.buffer.set(value, this.#at);
    this.#at += value.length;
  }

  field(number: number, value: Uint8Array): void {
    this.byte(tag(number, LENGTH_DELIMITED));
    this.varint(value.length);
    this.bytes(value);
  }

  /** The buffer, which must be full: a wrong size would put garbage on the log. */
  finish(): Buffer {
    if (this.#at !== this.buffer.length) throw new Error(`frame has ${this.#at} bytes instead of ${this.buffer.length}`);
    return this.buffer;
  }
}
