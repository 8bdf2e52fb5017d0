import type { AnswerPart } from '../domain/model-process.ts';

/**
 * The parts of one answer between the process that makes them and the reader. Bounded by the answer itself: no more
 * tokens come than the context holds.
 */
export class PartQueue {
  readonly #parts: AnswerPart[] = [];
  #failure: unknown;
  #isEnded = false;
  #wake: () => void = () => undefined;
  #end!: () => void;
  /** Resolves when the last part or the failure has come. */
  readonly ended = new Promise<void>((resolve) => (this.#end = resolve));

  get isEnded(): boolean {
    return this.#isEnded;
  }

  push(part: AnswerPart): void {
    if (this.#isEnded) return;
    this.#parts.push(part);
    if (part.type === 'finished') this.#finish();
    this.#wake();
  }

  fail(failure: unknown): void {
    if (this.#isEnded) return;
    this.#failure = failure;
    this.#finish();
    this.#wake();
  }

  /** The next part, undefined after the last. Throws the failure after the parts that came before it. */
  async next(): Promise<AnswerPart | undefined> {
    while (this.#parts.length === 0 && !this.#isEnded) await new Promise<void>((resolve) => (this.#wake = resolve));
    const part = this.#parts.shift();
    if (!part && this.#failure !== undefined) throw this.#failure;
    return part;
  }

  #finish(): void {
    this.#isEnded = true;
    this.#end();
  }
}
