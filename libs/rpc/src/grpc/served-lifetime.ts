import type { EventEmitter } from 'node:events';
import type { ServerUnaryCall } from '@grpc/grpc-js';
import type { Clock } from '@sluice/clock';
import { ServiceError } from '@sluice/errors';
import { CallLifetime } from '../call-lifetime.ts';

/** What every kind of call of grpc-js has. */
export type ServedCall = Pick<ServerUnaryCall<unknown, unknown>, 'cancelled' | 'getDeadline'> & EventEmitter;

/** Timers of Node may be this early against the wall clock. */
const TIMER_SLACK_MS = 2;

/** Ends when the caller leaves and at the deadline that the caller set, which is counted here too: its cancellation may be lost with it. */
export class ServedLifetime extends CallLifetime {
  readonly #call: ServedCall;
  readonly #clock: Clock;
  readonly #deadlineWallMs: number;
  readonly #onCancelled = (): void => this.end(this.#reason());

  constructor(call: ServedCall, clock: Clock) {
    const deadlineWallMs = Number(call.getDeadline());
    super(Number.isFinite(deadlineWallMs) ? { timeoutMs: Math.max(0, deadlineWallMs - clock.wallMs()) } : {}, clock);
    this.#call = call;
    this.#clock = clock;
    this.#deadlineWallMs = deadlineWallMs;
    if (call.cancelled) this.#onCancelled();
    else call.once('cancelled', this.#onCancelled);
  }

  /** grpc-js counts the deadline as well, and its timer may be the earlier one. */
  #reason(): ServiceError {
    if (this.#clock.wallMs() >= this.#deadlineWallMs - TIMER_SLACK_MS) return new ServiceError('deadline_exceeded', 'The call took longer than its deadline allows.');
    return new ServiceError('cancelled', 'The caller left.');
  }

  /** grpc-js says "cancelled" behind every call, also behind one that ended well. */
  override [Symbol.dispose](): void {
    super[Symbol.dispose]();
    this.#call.off('cancelled', this.#onCancelled);
  }
}
