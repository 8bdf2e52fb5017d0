import { ServiceError } from '@sluice/errors';

/** Calls that are not let in and wait for the record of that; more are told at once, so that turning away never piles up. */
const TURNED_AWAY_LIMIT = 64;

/** The calls this process is answering now: how many there may be, how much they may hold, and how they end when it closes. */
export class OpenCalls {
  readonly #limit: number;
  readonly #heldLimitBytes: number;
  /** With what each of them holds, in bytes. */
  readonly #calls = new Map<AbortController, number>();
  #heldBytes = 0;
  #turnedAway = 0;
  #draining = false;
  #emptied: (() => void) | undefined;

  constructor(limit: number, heldLimitBytes: number) {
    this.#limit = limit;
    this.#heldLimitBytes = heldLimitBytes;
  }

  get size(): number {
    return this.#calls.size;
  }

  /** What all of them hold together. */
  get heldBytes(): number {
    return this.#heldBytes;
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
    this.#calls.set(controller, 0);
    return controller;
  }

  /**
   * A call is about to hold this much more of its request or its answer until it leaves; less, when negative.
   * @throws overloaded when all calls together would hold too much; then it holds no more than before
   */
  hold(controller: AbortController, bytes: number): void {
    const held = this.#calls.get(controller);
    if (held === undefined) return;
    if (bytes > 0 && this.#heldBytes + bytes > this.#heldLimitBytes) throw new ServiceError('overloaded', 'The server holds as many bytes of requests and answers as it may. Try again shortly.');
    this.#calls.set(controller, held + bytes);
    this.#heldBytes += bytes;
  }

  leave(controller: AbortController): void {
    this.#heldBytes -= this.#calls.get(controller) ?? 0;
    this.#calls.delete(controller);
    if (this.#calls.size === 0) this.#emptied?.();
  }

  /** Room to record that a call is not let in: give it back by calling it. Undefined when there is none. */
  turnAway(): (() => void) | undefined {
    if (this.#turnedAway >= TURNED_AWAY_LIMIT) return undefined;
    this.#turnedAway++;
    return () => void this.#turnedAway--;
  }

  /** Lets nobody in any more; calls that run may end by themselves until `abort`. Resolves when there is none. */
  drain(): Promise<void> {
    this.#draining = true;
    if (this.#calls.size === 0) return Promise.resolve();
    return new Promise((resolve) => (this.#emptied = resolve));
  }

  /** Ends every call that runs: each is recorded as failed and its client is told. */
  abort(): void {
    for (const controller of this.#calls.keys()) controller.abort(drainingError());
  }
}

function drainingError(): ServiceError {
  return new ServiceError('draining', 'The server is shutting down. Try again.');
}
