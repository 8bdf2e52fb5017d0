import type { Token } from 'node-llama-cpp';

/** A character has at most four bytes, and a token of a byte-level vocabulary at least one. */
const TOKENS_PER_CHARACTER_LIMIT = 4;

/** Some tokenisers write a space before a word depending on the tokens before it. */
const HISTORY_TOKENS = 8;

type Detokenize = (tokens: readonly Token[], specialTokens: boolean, lastTokens: readonly Token[]) => string;

/** Turns tokens into text, and never cuts a character that is spread over several tokens. */
export class TokenText {
  readonly #detokenize: Detokenize;
  #pending: Token[] = [];
  #history: Token[];

  constructor(detokenize: Detokenize, prompt: readonly Token[]) {
    this.#detokenize = detokenize;
    this.#history = prompt.slice(-HISTORY_TOKENS);
  }

  /** The text that became whole with this token; empty while a character is incomplete. */
  push(token: Token): string {
    this.#pending.push(token);
    const text = this.#detokenize(this.#pending, false, this.#history);
    if (text.endsWith('\uFFFD') && this.#pending.length < TOKENS_PER_CHARACTER_LIMIT) return '';
    this.#history = [...this.#history, ...this.#pending].slice(-HISTORY_TOKENS);
    this.#pending = [];
    return text;
  }

  /** What is left at the end, with a replacement character for bytes that stayed incomplete. */
  flush(): string {
    const text = this.#pending.length === 0 ? '' : this.#detokenize(this.#pending, false, this.#history);
    this.#pending = [];
    return text;
  }

  get hasPending(): boolean {
    return this.#pending.length > 0;
  }
}
