/**
 * Bytes that come in pieces, as one. A piece that stays alone is kept as it came; more are copied into a buffer that
 * doubles, so that all of them cost time and memory by their length, and a sender of single bytes costs no object for each.
 */
export class JoinedBytes {
  #buffer: Buffer | undefined;
  #isOwn = false;
  #length = 0;

  get length(): number {
    return this.#length;
  }

  push(piece: Buffer): void {
    if (piece.length === 0) return;
    const length = this.#length + piece.length;
    if (this.#buffer === undefined) this.#buffer = piece;
    else {
      if (!this.#isOwn || length > this.#buffer.length) this.#grow(this.#buffer, length * 2);
      piece.copy(this.#buffer, this.#length);
    }
    this.#length = length;
  }

  /** All of them; nothing is kept. */
  take(): Buffer {
    const all = this.#buffer?.subarray(0, this.#length) ?? Buffer.alloc(0);
    this.#buffer = undefined;
    this.#isOwn = false;
    this.#length = 0;
    return all;
  }

  #grow(from: Buffer, capacity: number): void {
    this.#buffer = Buffer.allocUnsafe(capacity);
    from.copy(this.#buffer, 0, 0, this.#length);
    this.#isOwn = true;
  }
}
