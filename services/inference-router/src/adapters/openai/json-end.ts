const QUOTE = 34;
const BACKSLASH = 92;
const OPENING = new Set([123, 91]);
const CLOSING = new Set([125, 93]);

type State = 'before' | 'inside' | 'string' | 'escape' | 'complete' | 'none';

/**
 * Whether the text so far is a whole JSON object, array or string. The text comes in pieces, each of which is looked at
 * once and none is kept. What is inside is not judged; bare numbers and words are never whole, because more of them may come.
 */
export class JsonEnd {
  #state: State = 'before';
  #depth = 0;

  get isComplete(): boolean {
    return this.#state === 'complete';
  }

  push(piece: string): void {
    for (let at = 0; at < piece.length && this.#state !== 'none'; at++) this.#state = this.#next(piece.charCodeAt(at));
  }

  #next(code: number): State {
    const state = this.#state;
    if (state === 'escape') return 'string';
    if (state === 'string') return code === BACKSLASH ? 'escape' : code !== QUOTE ? 'string' : this.#depth === 0 ? 'complete' : 'inside';
    if (code === QUOTE) return state === 'complete' ? 'none' : 'string';
    if (isSpace(code)) return state;
    if (state === 'complete') return 'none';
    if (OPENING.has(code)) {
      this.#depth++;
      return 'inside';
    }
    if (state === 'before') return 'none';
    if (CLOSING.has(code) && --this.#depth === 0) return 'complete';
    return 'inside';
  }
}

/** RFC 8259, section 2. */
function isSpace(code: number): boolean {
  return code === 32 || code === 10 || code === 13 || code === 9;
}
