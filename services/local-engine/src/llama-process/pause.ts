/**
 * Lets one task have the context for itself for a moment. llama.cpp's batch loop in Node goes on as long as any answer
 * wants a next token, and what needs the context in between would wait for all of them to end.
 */
export class Pause {
  #over: Promise<void> | undefined;
  #tasks = 0;
  #end: () => void = () => undefined;

  /** Between two tokens: resolves at once, or when the task that paused all answers is done. */
  async pass(): Promise<void> {
    while (this.#over) await this.#over;
  }

  /** Runs the task while every answer waits at `pass`. */
  async during<T>(task: () => Promise<T>): Promise<T> {
    if (this.#tasks++ === 0) this.#over = new Promise((resolve) => (this.#end = resolve));
    try {
      return await task();
    } finally {
      if (--this.#tasks === 0) {
        this.#over = undefined;
        this.#end();
      }
    }
  }
}
