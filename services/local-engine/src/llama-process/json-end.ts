/**
 * Sees when a guided answer is a whole JSON value (RFC 8259). Grammars allow white space behind it, and small models write
 * it without an end. Looks at each character once; that the text is JSON is the grammar's part.
 */
export class JsonEnd {
  #depth = 0;
  #isInString = false;
  #isEscaped = false;

  /** True when the value is whole after this text. A number or a word at the top is never seen as whole: a digit may follow. */
  push(text: string): boolean {
    let isWhole = false;
    for (const character of text) {
      if (this.#read(character)) isWhole = true;
    }
    return isWhole;
  }

  /** True for the last character of the value. */
  #read(character: string): boolean {
    if (this.#isInString) {
      if (this.#isEscaped) this.#isEscaped = false;
      else if (character === '\\') this.#isEscaped = true;
      else if (character === '"') this.#isInString = false;
      return this.#depth === 0 && !this.#isInString;
    }
    if (character === '"') this.#isInString = true;
    else if (character === '{' || character === '[') this.#depth++;
    else if (character === '}' || character === ']') return --this.#depth === 0;
    return false;
  }
}
