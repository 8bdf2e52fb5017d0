import type { Readable } from 'node:stream';

const DONE = Object.freeze({ done: true, value: undefined });

/**
 * The messages of one direction of a call, one per pull. What arrived before a failure is read before the failure is
 * thrown, because grpc-js reports a status while messages still wait in its buffer. Leaving ends nothing: the call does.
 */
export class MessageReader implements AsyncIterableIterator<Buffer, undefined> {
  readonly #stream: Readable;
  readonly #explain: (failure: Error) => Error;
  #failure: Error | undefined;
  #isDone = false;
  #wake: (() => void) | undefined;

  constructor(stream: Readable, explain: (failure: Error) => Error) {
    this.#stream = stream;
    this.#explain = explain;
    const wake = (): void => this.#wake?.();
    stream.on('readable', wake);
    stream.once('end', () => {
      this.#isDone = true;
      wake();
    });
    stream.on('error', (failure: Error) => {
      this.#failure = failure;
      wake();
    });
  }

  async next(): Promise<IteratorResult<Buffer, undefined>> {
    for (;;) {
      const message = this.#stream.read() as Buffer | null;
      if (message !== null) return { done: false, value: message };
      if (this.#failure) throw this.#explain(this.#failure);
      if (this.#isDone) return DONE;
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}
