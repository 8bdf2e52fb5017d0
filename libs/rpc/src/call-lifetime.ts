import type { Clock, Timer } from '@sluice/clock';
import { ServiceError } from '@sluice/errors';
import type { CallOptions } from './service.ts';

/**
 * The life of one call: ends by the caller's signal, by the deadline, or when it is over.
 * Leaves no listener and no timer behind, and keeps nothing of waits that are done.
 */
export class CallLifetime implements Disposable {
  readonly #callerSignal: AbortSignal | undefined;
  readonly #timer: Timer | undefined;
  readonly #waiting = new Set<(reason: ServiceError) => void>();
  readonly #onCallerAbort = (): void => this.end(endReason(this.#callerSignal?.reason));
  #controller: AbortController | undefined;
  #ended: ServiceError | undefined;

  constructor(options: CallOptions, clock: Clock) {
    this.#callerSignal = options.signal;
    if (options.signal?.aborted) {
      this.#onCallerAbort();
      return;
    }
    options.signal?.addEventListener('abort', this.#onCallerAbort, { once: true });
    if (options.timeoutMs !== undefined) {
      this.#timer = clock.after(options.timeoutMs, () => this.end(new ServiceError('deadline_exceeded', 'The call took longer than its deadline allows.')));
    }
  }

  /** For the handler; made when it is first asked for, because many handlers never do. */
  get signal(): AbortSignal {
    if (!this.#controller) {
      this.#controller = new AbortController();
      if (this.#ended) this.#controller.abort(this.#ended);
    }
    return this.#controller.signal;
  }

  throwIfEnded(): void {
    if (this.#ended) throw this.#ended;
  }

  /** Tells why the call ended before it was over. */
  whenEnded(listener: (reason: ServiceError) => void): void {
    this.#waiting.add(listener);
  }

  /** The work's outcome, or the reason why the call ended first. */
  race<T>(work: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      if (this.#ended) reject(this.#ended);
      else this.#waiting.add(reject);
      work.then(
        (value) => {
          this.#waiting.delete(reject);
          resolve(value);
        },
        (reason: unknown) => {
          this.#waiting.delete(reject);
          reject(reason as Error);
        },
      );
    });
  }

  /** Nobody waits any more; the first reason counts. */
  end(reason: ServiceError): void {
    if (this.#ended) return;
    this.#ended = reason;
    this[Symbol.dispose]();
    this.#controller?.abort(reason);
    for (const reject of this.#waiting) reject(reason);
    this.#waiting.clear();
  }

  [Symbol.dispose](): void {
    this.#timer?.cancel();
    this.#callerSignal?.removeEventListener('abort', this.#onCallerAbort);
  }
}

function endReason(reason: unknown): ServiceError {
  return reason instanceof ServiceError ? reason : new ServiceError('cancelled', 'The call was cancelled.', { cause: reason });
}
