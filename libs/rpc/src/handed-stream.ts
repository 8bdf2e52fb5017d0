import { ServiceError } from '@sluice/errors';
import type { CallLifetime } from './call-lifetime.ts';

const DONE = Object.freeze({ done: true, value: undefined });

/**
 * A stream handed from one side of a call to the other, one message per pull: the producer is never ahead of its
 * reader. Written as an iterator, because a generator in between costs three turns of the microtask queue per message
 * and cannot be left while it waits.
 */
export class HandedStream<T> implements AsyncIterableIterator<T, undefined> {
  readonly #lifetime: CallLifetime;
  readonly #open: () => AsyncIterable<object>;
  readonly #convert: (message: object) => T;
  readonly #onEnd: (isDone: boolean) => void;
  #source: AsyncIterator<object> | undefined;
  /** Whoever waits for the next message. */
  #pull: PromiseWithResolvers<IteratorResult<T, undefined>> | undefined;
  #over = false;

  /** `open` runs at the first pull; `onEnd` once: when the producer was done, or (false) it failed or its reader left. */
  constructor(lifetime: CallLifetime, open: () => AsyncIterable<object>, convert: (message: object) => T, onEnd: (isDone: boolean) => void) {
    this.#lifetime = lifetime;
    this.#open = open;
    this.#convert = convert;
    this.#onEnd = onEnd;
    lifetime.whenEnded(this.#failed);
  }

  next(): Promise<IteratorResult<T, undefined>> {
    if (this.#over) return Promise.resolve(DONE);
    if (this.#pull) return this.#pull.promise.then(() => this.next(), () => this.next());
    const { promise } = (this.#pull = Promise.withResolvers());
    try {
      this.#lifetime.throwIfEnded();
      this.#source ??= this.#open()[Symbol.asyncIterator]();
      this.#source.next().then(this.#came, this.#failed);
    } catch (thrown) {
      this.#failed(thrown);
    }
    return promise;
  }

  readonly #came = (next: IteratorResult<object>): void => {
    const pull = this.#pull;
    // The call ended first, and its reader was told.
    if (!pull) return;
    if (next.done) {
      this.#source = undefined;
      this.#pull = undefined;
      this.#end(true);
      return pull.resolve(DONE);
    }
    try {
      const value = this.#convert(next.value);
      this.#pull = undefined;
      pull.resolve({ done: false, value });
    } catch (thrown) {
      this.#failed(thrown);
    }
  };

  readonly #failed = (thrown: unknown): void => {
    const pull = this.#pull;
    if (!pull) return;
    this.#pull = undefined;
    this.close();
    pull.reject(ServiceError.from(thrown));
  };

  async return(): Promise<IteratorResult<T, undefined>> {
    this.close();
    return DONE;
  }

  /** Stops the producer. It is not awaited, because one that is stuck in a wait of its own ends by its signal. */
  close(): void {
    this.#end(false);
  }

  #end(isDone: boolean): void {
    if (this.#over) return;
    this.#over = true;
    const stopped = this.#source?.return?.();
    stopped?.catch(() => undefined);
    this.#onEnd(isDone);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}
