import type { Piece, Report } from './messages.ts';

/** Several tokens share a message when they come faster; a reader sees no difference below a frame of 60 Hz. */
const MESSAGE_SPACING_MS = 16;

/** Gathers the parts of one answer while a message is on its way or has just left; the first part leaves at once. */
export class PieceSender {
  readonly #id: number;
  readonly #send: (report: Report, sent: () => void) => void;
  readonly #nowMs: () => number;
  #gathered: Piece | undefined;
  #onItsWay = false;
  #lastSentMs = -Infinity;

  constructor(id: number, send: (report: Report, sent: () => void) => void, nowMs: () => number) {
    this.#id = id;
    this.#send = send;
    this.#nowMs = nowMs;
  }

  add(piece: Piece): void {
    const before = this.#gathered;
    this.#gathered = before
      ? {
          text: before.text + piece.text,
          inputTokens: piece.inputTokens,
          outputTokens: before.outputTokens + piece.outputTokens,
          logprobs: [...before.logprobs, ...piece.logprobs],
        }
      : piece;
    if (this.#onItsWay || this.#gathered.text === '' || this.#nowMs() - this.#lastSentMs < MESSAGE_SPACING_MS) return;
    this.flush();
  }

  /** Sends what was gathered; for the end of an answer. */
  flush(): void {
    const piece = this.#gathered;
    if (!piece) return;
    this.#gathered = undefined;
    this.#onItsWay = true;
    this.#lastSentMs = this.#nowMs();
    this.#send({ type: 'piece', id: this.#id, text: piece.text, inputTokens: piece.inputTokens, outputTokens: piece.outputTokens, logprobs: piece.logprobs }, () => (this.#onItsWay = false));
  }
}
