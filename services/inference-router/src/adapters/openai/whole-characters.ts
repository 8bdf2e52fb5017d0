/**
 * One text that arrives in pieces of UTF-16, given on in pieces of whole characters. JSON can escape half a surrogate
 * pair (RFC 8259, section 8.2), and some backends cut a character over two chunks so; UTF-8 cannot say half a pair, so
 * every half that went on alone would become U+FFFD in one place and a character in another.
 */
export class WholeCharacters {
  #held = '';

  /** What can be said now, always well-formed; a high surrogate at the end waits for its other half. */
  push(piece: string): string {
    if (piece === '') return '';
    let text = this.#held === '' ? piece : this.#held + piece;
    if (isHighSurrogate(text.charCodeAt(text.length - 1))) {
      this.#held = text.slice(-1);
      text = text.slice(0, -1);
    } else this.#held = '';
    return text.toWellFormed();
  }

  /** The rest at the end of the text: U+FFFD for a half that stayed alone, else nothing. */
  end(): string {
    const rest = this.#held.toWellFormed();
    this.#held = '';
    return rest;
  }
}

function isHighSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit <= 0xdbff;
}
