import type { Clock } from '@sluice/clock';
import { ServiceError } from '@sluice/errors';

export interface SequenceQueueLimits {
  /** How many answers are made at once. */
  readonly sequences: number;
  /** How many requests may wait for one of them. */
  readonly waitingLimit: number;
  readonly waitLimitMs: number;
}

interface Waiter {
  readonly grant: () => void;
}

/** Who may use a sequence of the model, first come first served; nobody waits without a bound. */
export class SequenceQueue {
  readonly #limits: SequenceQueueLimits;
  readonly #clock: Clock;
  readonly #waiters = new Set<Waiter>();
  #inUse = 0;
  #open = false;
  /** Which of the model's processes this is: a sequence is given back to the one that it belongs to, or to none. */
  #generation = 0;

  constructor(limits: SequenceQueueLimits, clock: Clock) {
    this.#limits = limits;
    this.#clock = clock;
  }

  get waiting(): number {
    return this.#waiters.size;
  }

  get inUse(): number {
    return this.#inUse;
  }

  /** The model's process is there, with all of its sequences free. */
  open(): void {
    this.#open = true;
    this.#generation++;
    this.#inUse = 0;
    this.#grant();
  }

  /** The model's process went away: what was in use is gone, who waits goes on waiting until the deadline. */
  close(): void {
    this.#open = false;
  }

  /** Resolves with the function that gives the sequence back. Throws `overloaded`, or what the signal was aborted with. */
  async acquire(signal: AbortSignal): Promise<() => void> {
    signal.throwIfAborted();
    const isFree = this.#open && this.#inUse < this.#limits.sequences && this.#waiters.size === 0;
    if (!isFree && this.#waiters.size >= this.#limits.waitingLimit) throw this.#overloaded('The queue of the model is full.');
    return isFree ? this.#take() : this.#wait(signal);
  }

  /** Counts a sequence as used; the function gives it back. */
  #take(): () => void {
    const generation = this.#generation;
    let released = false;
    this.#inUse++;
    return () => {
      if (released) return;
      released = true;
      // Who reads an answer slowly leaves long after its process went away, when another one may be there already.
      if (!this.#open || generation !== this.#generation) return;
      this.#inUse--;
      this.#grant();
    };
  }

  #wait(signal: AbortSignal): Promise<() => void> {
    return new Promise((resolve, reject) => {
      const leave = (settle: () => void): void => {
        timer.cancel();
        signal.removeEventListener('abort', onAbort);
        this.#waiters.delete(waiter);
        settle();
      };
      const onAbort = (): void => leave(() => reject(signal.reason));
      const waiter: Waiter = { grant: () => leave(() => resolve(this.#take())) };
      const timer = this.#clock.after(this.#limits.waitLimitMs, () => leave(() => reject(this.#overloaded('The request waited too long for its turn.'))));
      signal.addEventListener('abort', onAbort, { once: true });
      this.#waiters.add(waiter);
    });
  }

  #grant(): void {
    for (const waiter of this.#waiters) {
      if (!this.#open || this.#inUse >= this.#limits.sequences) return;
      waiter.grant();
    }
  }

  #overloaded(message: string): ServiceError {
    // About one answer's time for each round of waiters.
    const rounds = Math.ceil((this.#waiters.size + 1) / this.#limits.sequences);
    return new ServiceError('overloaded', message, { retryAfterSeconds: 2 * rounds });
  }
}
