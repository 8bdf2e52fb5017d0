import { ServiceError } from '@sluice/errors';

/** The calls this process is answering now: how many there may be, and how they end when it closes. */
export class OpenCalls {
  readonly #limit: number;
  readonly #calls = new Set<AbortController>();
  #draining = false;
  #emptied: (() => void) | undefined;

  constructor(limit: number) {
    this.#limit = limit;
  }

  get size(): number {
    return this.#calls.size;
  }

  get draining(): boolean {
    return this.#draining;
  }

  /**
   * Lets a call in. Give the controller back to `leave`.
   * @throws draining, overloaded
   */
  enter(): AbortController {
    if (this.#draining) throw drainingError();
    if (this.#calls.size >= this.#limit) throw new ServiceError('overloaded', `The server is answering ${this.#limit} requests already. Try again shortly.`);
    const controller = new AbortController();
    this.#calls.add(controller);
    return controller;
  }

  leave(controller: AbortController): void {
    this.#calls.delete(controller);
    if (this.#calls.size === 0) this.#emptied?.();
  }

  /** Lets nobody in any more; calls that run may end by themselves until `abort`. Resolves when there is none. */
  drain(): Promise<void> {
    this.#draining = true;
    if (this.#calls.size === 0) return Promise.resolve();
    return new Promise((resolve) => (this.#emptied = resolve));
  }

  /** Ends every call that runs: each is recorded as failed and its client is told. */
  abort(): void {
    for (const controller of this.#calls) controller.abort(drainingError());
  }
}

function drainingError(): ServiceError {
  return new ServiceError('draining', 'The server is shutting down. Try again.');
}
