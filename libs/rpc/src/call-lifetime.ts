import { ServiceError } from '@sluice/errors';
import type { CallOptions } from './service.ts';

/**
 * The life of one call: ends by the caller's signal, by the deadline, or when it is disposed.
 * Leaves no listener and no timer behind.
 */
export class CallLifetime implements Disposable {
  readonly #controller = new AbortController();
  readonly #callerSignal: AbortSignal | undefined;
  readonly #timer: NodeJS.Timeout | undefined;
  readonly #onCallerAbort = (): void => this.#controller.abort(this.#callerSignal?.reason);
  readonly #ended: Promise<never>;
  #rejectEnded!: (reason: unknown) => void;

  constructor(options: CallOptions) {
    this.#ended = new Promise<never>((_, reject) => (this.#rejectEnded = reject));
    this.#ended.catch(() => undefined);
    this.signal.addEventListener('abort', () => this.#rejectEnded(endReason(this.signal)), { once: true });
    this.#callerSignal = options.signal;
    if (options.signal?.aborted) this.#onCallerAbort();
    else options.signal?.addEventListener('abort', this.#onCallerAbort, { once: true });
    if (options.timeoutMs !== undefined) this.#timer = setTimeout(() => this.#expire(), options.timeoutMs);
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** The work's outcome, or the reason why the call ended first. */
  race<T>(work: Promise<T>): Promise<T> {
    return Promise.race([work, this.#ended]);
  }

  /** Tells the handler that nobody waits any more. */
  abandon(): void {
    this.#controller.abort(new ServiceError('cancelled', 'The caller left.'));
  }

  #expire(): void {
    this.#controller.abort(new ServiceError('deadline_exceeded', 'The call took longer than its deadline allows.'));
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
    this.#callerSignal?.removeEventListener('abort', this.#onCallerAbort);
  }
}

function endReason(signal: AbortSignal): ServiceError {
  const reason: unknown = signal.reason;
  return reason instanceof ServiceError ? reason : new ServiceError('cancelled', 'The call was cancelled.', { cause: reason });
}
