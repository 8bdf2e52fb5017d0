import type { Dispatcher } from 'undici';
import type { Clock } from '@sluice/clock';
import { ServiceError } from '@sluice/errors';
import { READ_AHEAD_LIMIT_BYTES, READ_AHEAD_LIMIT_PIECES, TRAILING_LIMIT_BYTES, TRAILING_LIMIT_MS } from './limits.ts';

export interface ResponseHead {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
}

/** Connection errors that mean that nothing listens there: the request was never sent. */
const AWAY = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH', 'ENOENT', 'UND_ERR_CONNECT_TIMEOUT', 'UND_ERR_DESTROYED', 'UND_ERR_CLOSED']);

/**
 * One response of the backend, read at the pace of its consumer: the socket is paused while READ_AHEAD_LIMIT_BYTES wait.
 * Undici's dispatch is used directly, because a Readable between would cost more per piece than parsing it.
 */
export class UpstreamResponse implements Dispatcher.DispatchHandler {
  readonly head: Promise<ResponseHead>;
  readonly #clock: Clock;
  readonly #resolveHead: (head: ResponseHead) => void;
  readonly #rejectHead: (error: unknown) => void;
  #controller: Dispatcher.DispatchController | undefined;
  #pieces: Buffer[] = [];
  #bytes = 0;
  #isOver = false;
  #isDiscarding = false;
  #error: unknown;
  #wake: (() => void) | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
    const { promise, resolve, reject } = Promise.withResolvers<ResponseHead>();
    this.head = promise;
    // A response that is given up before anyone waits for it must not count as unhandled.
    promise.catch(() => undefined);
    this.#resolveHead = resolve;
    this.#rejectHead = reject;
  }

  /** All bytes that came since the last call, waiting for some; undefined at the end of the body. Throws when it broke off. */
  async read(): Promise<Buffer[] | undefined> {
    while (this.#bytes === 0) {
      if (this.#error !== undefined) throw this.#error;
      if (this.#isOver) return undefined;
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
    const pieces = this.#pieces;
    this.#pieces = [];
    this.#bytes = 0;
    if (this.#controller?.paused) this.#controller.resume();
    return pieces;
  }

  /** Breaks the connection off; whoever waits gets the reason. Nothing happens when the response is over. */
  abort(reason: unknown): void {
    if (this.#isOver) return;
    this.#fail(reason);
    this.#controller?.abort(reason instanceof Error ? reason : new Error('given up', { cause: reason }));
  }

  /** For the end of a call: what `discardRest` has not taken over is broken off. */
  giveUpUnlessDiscarding(): void {
    if (!this.#isDiscarding && !this.#isOver) this.abort(new ServiceError('cancelled', 'The call was cancelled.'));
  }

  /** The answer is complete: lets the rest of the body come so that the connection can be used again, within limits. */
  discardRest(): void {
    if (this.#isOver) return;
    this.#isDiscarding = true;
    this.#bytes = 0;
    this.#pieces = [];
    if (this.#controller?.paused) this.#controller.resume();
    const timer = this.#clock.after(TRAILING_LIMIT_MS, () => this.abort(new Error('the backend does not end its body')));
    this.#wake = () => timer.cancel();
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#isOver) controller.abort(new Error('given up before the request was sent'));
  }

  onResponseStart(_controller: Dispatcher.DispatchController, status: number, headers: ResponseHead['headers']): void {
    // An interim response (100, 103) is not the answer.
    if (status >= 200) this.#resolveHead({ status, headers });
  }

  onResponseData(controller: Dispatcher.DispatchController, piece: Buffer): void {
    if (this.#isOver) return;
    this.#bytes += piece.length;
    if (this.#isDiscarding) {
      if (this.#bytes > TRAILING_LIMIT_BYTES) this.abort(new Error('the backend goes on after the end'));
      return;
    }
    this.#pieces.push(piece);
    if (this.#bytes >= READ_AHEAD_LIMIT_BYTES || this.#pieces.length >= READ_AHEAD_LIMIT_PIECES) controller.pause();
    this.#wakeUp();
  }

  onResponseEnd(): void {
    this.#isOver = true;
    this.#wakeUp();
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    if (!this.#isOver) this.#fail(connectionError(error));
  }

  #fail(error: unknown): void {
    this.#isOver = true;
    this.#error = error;
    this.#rejectHead(error);
    this.#wakeUp();
  }

  #wakeUp(): void {
    const wake = this.#wake;
    this.#wake = undefined;
    wake?.();
  }
}

/** The house's word for what went wrong with a connection; the address stays in the cause, for the log. */
export function connectionError(error: Error & { code?: unknown }): ServiceError {
  const code = typeof error.code === 'string' ? error.code : '';
  if (AWAY.has(code)) return new ServiceError('backend_unavailable', "The model's backend does not answer.", { cause: error });
  return new ServiceError('upstream_error', "The connection to the model's backend broke.", { cause: error });
}
