import type { Clock } from '@sluice/clock';
import { ServiceError } from '@sluice/errors';
import type { Subscription } from '../event-log.ts';

const POLL_MS = 50;

export interface Consuming<Target> {
  /** The end of the log now. */
  target(): Promise<Target>;
  reached(target: Target): Promise<boolean>;
  lag(): number;
  /** Resolves when no handler runs any more. */
  stop(): Promise<void>;
}

/** A consumer as its user sees it: where it is says the database, because another process may do the work. */
export class ConsumerSubscription<Target> implements Subscription {
  readonly #consuming: Consuming<Target>;
  readonly #clock: Clock;
  readonly #onStop: () => void;
  readonly #stop = Promise.withResolvers<never>();
  #isStopped = false;

  constructor(consuming: Consuming<Target>, clock: Clock, onStop: () => void) {
    this.#consuming = consuming;
    this.#clock = clock;
    this.#onStop = onStop;
    this.#stop.promise.catch(() => undefined);
  }

  lag(): number {
    return this.#consuming.lag();
  }

  async caughtUp(): Promise<void> {
    const target = await this.#consuming.target();
    await Promise.race([this.#poll(target), this.#stop.promise]);
  }

  async stop(): Promise<void> {
    if (this.#isStopped) return;
    this.#isStopped = true;
    await this.#consuming.stop();
    this.#stop.reject(new ServiceError('cancelled', 'The subscription was stopped.'));
    this.#onStop();
  }

  async #poll(target: Target): Promise<void> {
    while (!this.#isStopped) {
      // A database that is away is waited for as readers wait for it.
      if (await this.#consuming.reached(target).catch(() => false)) return;
      await new Promise<void>((resolve) => { this.#clock.after(POLL_MS, resolve); });
    }
    // Stopped: the other side of the race says so.
    await this.#stop.promise;
  }
}
