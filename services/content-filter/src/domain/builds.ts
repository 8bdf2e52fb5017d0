import type { Clock } from '@sluice/clock';
import { ServiceError } from '@sluice/errors';

/** The rest of the machine answers calls meanwhile, and each takes memory of its own. */
const AT_ONCE = 2;

/** Builds, so many at once, each within its time. One that ends early is told so, that it frees what it took. */
export class Builds {
  readonly #clock: Clock;
  readonly #stop = new AbortController();
  readonly #waiting: (() => void)[] = [];
  #running = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Aborted when nothing is built any more. */
  get stopped(): AbortSignal {
    return this.#stop.signal;
  }

  stop(): void {
    this.#stop.abort();
  }

  /** Errors: those of the work, `deadline_exceeded`, `draining`. @param limitMs of the work itself, without its wait for its turn */
  async run<T>(limitMs: number, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    if (this.#running >= AT_ONCE) await new Promise<void>((go) => this.#waiting.push(go));
    else this.#running++;
    try {
      return await this.#limited(limitMs, work);
    } finally {
      // The place is handed on, so that nobody who comes meanwhile overtakes.
      const next = this.#waiting.shift();
      if (next) next();
      else this.#running--;
    }
  }

  async #limited<T>(limitMs: number, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const late = Promise.withResolvers<never>();
    const ending = new AbortController();
    const timer = this.#clock.after(limitMs, () => late.reject(new ServiceError('deadline_exceeded', 'The filter rules took too long to build.')));
    const end = (): void => late.reject(new ServiceError('draining', 'The server is shutting down.'));
    this.stopped.addEventListener('abort', end, { once: true });
    if (this.stopped.aborted) end();
    try {
      return await Promise.race([late.promise, work(ending.signal)]);
    } finally {
      ending.abort();
      timer.cancel();
      this.stopped.removeEventListener('abort', end);
    }
  }
}
