import { ServiceError } from '@sluice/errors';

/** Calls that are not let in and wait for the record of that; more are told at once, so that turning away never piles up. */
const TURNED_AWAY_LIMIT = 64;

/** A call is in until both have left: its client, whose response is closed, and its work, of which nothing runs or holds anything any more. */
interface Place {
  heldBytes: number;
  hasClient: boolean;
  hasWork: boolean;
}

/** The calls this process is answering now: how many there may be, how much they may hold, and how they end when it closes. */
export class OpenCalls {
  readonly #limit: number;
  readonly #heldLimitBytes: number;
  readonly #calls = new Map<AbortController, Place>();
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
   * Lets a call in. Give the controller back to `clientLeft` and to `workEnded`, in any order.
   * @throws draining, overloaded
   */
  enter(): AbortController {
    if (this.#draining) throw drainingError();
    if (this.#calls.size >= this.#limit) throw new ServiceError('overloaded', `The server is answering ${this.#limit} requests already. Try again shortly.`);
    const controller = new AbortController();
    this.#calls.set(controller, { heldBytes: 0, hasClient: true, hasWork: true });
    return controller;
  }

  /**
   * A call is about to hold this much more of its request or its answer until it is out; less, when negative.
   * @throws overloaded when all calls together would hold too much, internal when the call is out already; then it holds no more than before
   */
  hold(controller: AbortController, bytes: number): void {
    const place = this.#calls.get(controller);
    // What it held was given back when it went; what it would hold now nobody would count.
    if (!place && bytes > 0) throw new ServiceError('internal', 'A call that is over holds nothing.');
    if (!place) return;
    if (bytes > 0 && this.#heldBytes + bytes > this.#heldLimitBytes) throw new ServiceError('overloaded', 'The server holds as many bytes of requests and answers as it may. Try again shortly.');
    place.heldBytes += bytes;
    this.#heldBytes += bytes;
  }

  /** The response is closed: answered, or its connection is gone. */
  clientLeft(controller: AbortController): void {
    const place = this.#calls.get(controller);
    if (!place) return;
    place.hasClient = false;
    if (!place.hasWork) this.#giveBack(controller, place);
  }

  /** Nothing runs for this call any more, also no record that is not durable yet. */
  workEnded(controller: AbortController): void {
    const place = this.#calls.get(controller);
    if (!place) return;
    place.hasWork = false;
    if (!place.hasClient) this.#giveBack(controller, place);
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

  #giveBack(controller: AbortController, { heldBytes }: Place): void {
    this.#heldBytes -= heldBytes;
    this.#calls.delete(controller);
    if (this.#calls.size === 0) this.#emptied?.();
  }
}

function drainingError(): ServiceError {
  return new ServiceError('draining', 'The server is shutting down. Try again.');
}
