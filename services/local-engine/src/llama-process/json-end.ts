/**
 * Sees when a guided answer is a whole JSON value. Grammars allow white space behind it, and small models write it
 * without an end.
 */
export class JsonEnd {
  #text = '';

  /** True when the value is whole after this text. A number at the top is never seen as whole: a digit may follow. */
  push(text: string): boolean {
    this.#text += text;
    if (!/[}\]"]\s*$/.test(text)) return false;
    try {
      JSON.parse(this.#text);
      return true;
    } catch {
      return false;
    }
  }
}
