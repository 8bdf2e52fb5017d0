import type { Clock } from '@sluice/clock';
import { ServiceError } from '@sluice/errors';

/** The rest of the machine answers calls meanwhile, and each takes memory of its own. */
const AT_ONCE = 2;
/** Who waits for a turn and has a deadline: each is the request of an administrator, with up to 8 MiB of words. */
const HURRIED_LIMIT = 8;
/** Two builds in a row that take the longest they may. */
const RETRY_AFTER_SECONDS = 15;

/** Builds, so many at once, each within its time. One that ends early is told so, that it frees what it took. */
export class Builds {
  readonly #clock: Clock;
  readonly #stop = new AbortController();
  readonly #waiting: (() => void)[] = [];
  #running = 0;
  #hurried = 0;

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

  /**
   * Errors: those of the work, `deadline_exceeded`, `draining`; `overloaded` when too many wait, or the work has waited for its turn and
   * `untilMs` comes before it has had that and its whole time. What comes when its time is over is not begun, and `overloaded`, too.
   *
   * @param limitMs of the work itself, without its wait for its turn
   * @param untilMs on the monotonic clock, when nobody waits for the outcome any more
   */
  async run<T>(limitMs: number, work: (signal: AbortSignal) => Promise<T>, untilMs = Infinity): Promise<T> {
    const waits = this.#running >= AT_ONCE;
    if (waits) await this.#turn(untilMs);
    else this.#running++;
    try {
      const leftMs = untilMs - this.#clock.monotonicMs();
      if (leftMs <= 0) throw busy();
      return await (leftMs < limitMs ? this.#limited(leftMs, waits ? busy : late, work) : this.#limited(limitMs, late, work));
    } finally {
      // The place is handed on, so that nobody who comes meanwhile overtakes.
      const next = this.#waiting.shift();
      if (next) next();
      else this.#running--;
    }
  }

  async #turn(untilMs: number): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    if (untilMs === Infinity) {
      this.#waiting.push(resolve);
      return promise;
    }
    if (this.#hurried >= HURRIED_LIMIT) throw busy();
    this.#waiting.push(resolve);
    this.#hurried++;
    const timer = this.#clock.after(Math.max(0, untilMs - this.#clock.monotonicMs()), () => {
      const at = this.#waiting.indexOf(resolve);
      if (at < 0) return;
      this.#waiting.splice(at, 1);
      reject(busy());
    });
    await promise.finally(() => {
      timer.cancel();
      this.#hurried--;
    });
  }

  async #limited<T>(limitMs: number, tooLate: () => ServiceError, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const ended = Promise.withResolvers<never>();
    const ending = new AbortController();
    const timer = this.#clock.after(limitMs, () => ended.reject(tooLate()));
    const end = (): void => ended.reject(new ServiceError('draining', 'The server is shutting down.'));
    this.stopped.addEventListener('abort', end, { once: true });
    if (this.stopped.aborted) end();
    try {
      return await Promise.race([ended.promise, work(ending.signal)]);
    } finally {
      ending.abort();
      timer.cancel();
      this.stopped.removeEventListener('abort', end);
    }
  }
}

function late(): ServiceError {
  return new ServiceError('deadline_exceeded', 'The filter rules took too long to build.');
}

function busy(): ServiceError {
  return new ServiceError('overloaded', 'The filter is busy compiling other rules; nothing was changed. Try again later.', { retryAfterSeconds: RETRY_AFTER_SECONDS });
}
