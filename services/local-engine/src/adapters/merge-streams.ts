/** Outputs that wait for the reader; beyond this their producers wait. */
const WAITING_LIMIT = 64;

/**
 * Starts one stream for each input, at most `atOnce` of them, and yields what they yield as it comes. Ends when the
 * inputs and all streams ended; the first failure of any ends all. Leaving the loop ends them too.
 */
export async function* mergeStreams<In, Out>(inputs: AsyncIterable<In>, start: (input: In) => AsyncIterable<Out>, atOnce: number): AsyncGenerator<Out> {
  const merge = new Merge<Out>();
  const streams = new Set<Promise<void>>();
  const readInputs = async (): Promise<void> => {
    for await (const input of inputs) {
      while (streams.size >= atOnce && !merge.isOver) await Promise.race(streams);
      if (merge.isOver) return;
      const stream = merge.drain(start(input)).finally(() => streams.delete(stream));
      streams.add(stream);
    }
    await Promise.all(streams);
    merge.end();
  };
  void readInputs().catch((thrown: unknown) => merge.fail(thrown));
  try {
    for (let next = await merge.next(); next; next = await merge.next()) yield next.value;
  } finally {
    merge.end();
  }
}

class Merge<Out> {
  readonly #waiting: Out[] = [];
  readonly #wakes = new Set<() => void>();
  #failure: { readonly thrown: unknown } | undefined;
  #isOver = false;

  get isOver(): boolean {
    return this.#isOver;
  }

  async drain(stream: AsyncIterable<Out>): Promise<void> {
    try {
      for await (const value of stream) {
        while (this.#waiting.length >= WAITING_LIMIT && !this.#isOver) await this.#change();
        if (this.#isOver) return;
        this.#waiting.push(value);
        this.#wake();
      }
    } catch (thrown) {
      this.fail(thrown);
    }
  }

  async next(): Promise<{ readonly value: Out } | undefined> {
    while (this.#waiting.length === 0 && !this.#isOver) await this.#change();
    if (this.#failure) throw this.#failure.thrown;
    if (this.#waiting.length === 0) return undefined;
    const value = this.#waiting.shift() as Out;
    this.#wake();
    return { value };
  }

  fail(thrown: unknown): void {
    if (!this.#isOver) this.#failure = { thrown };
    this.end();
  }

  end(): void {
    this.#isOver = true;
    this.#wake();
  }

  #change(): Promise<void> {
    return new Promise((resolve) => this.#wakes.add(resolve));
  }

  #wake(): void {
    for (const wake of this.#wakes) wake();
    this.#wakes.clear();
  }
}
