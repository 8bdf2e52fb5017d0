import { ServiceError, fromGrpcStatus } from '@sluice/errors';
import type { CallLifetime } from '../../call-lifetime.ts';
import type { CallOptions } from '../../service.ts';
import { fromCallError } from '../metadata.ts';
import type { CallFlow } from './call-flow.ts';
import { FRAME, type Frame } from './frame.ts';
import { decodeFailure, encodeOpen } from './payloads.ts';

type Bytes = Uint8Array;
type Messages = AsyncIterator<Bytes>;

/** Of gRPC, where an instance went away. */
const UNAVAILABLE = 14;

export interface AskedCallOptions {
  readonly path: string;
  /** Full name of the service, for the text of an error. */
  readonly service: string;
  readonly options: Pick<CallOptions, 'timeoutMs' | 'metadata'>;
  readonly requests: Messages;
  readonly lifetime: CallLifetime;
  /** Makes the call on a stream of its own; here it reached no handler. Throws where none may be made any more. */
  readonly elsewhere: (requests: AsyncIterable<Bytes>) => Messages;
}

/** The caller's end of one call on an exchange: an iterator of answers. What it asked is kept until something is heard of it. */
export class AskedCall implements AsyncIterableIterator<Bytes, undefined> {
  readonly #flow: CallFlow;
  readonly #call: AskedCallOptions;
  readonly #onOver: () => void;
  /** Sent before anything was heard: at most a window and a message. */
  #kept: Bytes[] | undefined = [];
  /** The next request, asked for and not sent. */
  #pulled: Promise<IteratorResult<Bytes>> | undefined;
  #hasEnded = false;
  #elsewhere: Messages | undefined;

  constructor(flow: CallFlow, call: AskedCallOptions, onOver: () => void) {
    this.#flow = flow;
    this.#call = call;
    this.#onOver = onOver;
    flow.say(FRAME.open, encodeOpen(call.path, call.options));
    call.lifetime.whenEnded(() => this.#cancel());
    void this.#ask();
  }

  take(frame: Frame): void {
    if (frame.kind === FRAME.refuse) return this.#goElsewhere();
    this.#kept = undefined;
    if (frame.kind === FRAME.end) this.#end();
    else if (frame.kind === FRAME.fail) this.#end(decodeFailure(frame.payload, this.#call.service));
    else this.#flow.take(frame);
  }

  /** The exchange is over. Where it ended well, a call of which nothing was heard reached nobody. */
  broke(failure: Error | undefined): void {
    const { service } = this.#call;
    if (failure) this.#end(fromCallError(failure, service));
    else if (this.#kept) this.#goElsewhere();
    else this.#end(fromGrpcStatus({ code: UNAVAILABLE, message: 'The exchange ended before the call.', detail: undefined }, service));
  }

  #goElsewhere(): void {
    const kept = this.#kept ?? [];
    this.#over();
    try {
      this.#elsewhere = this.#call.elsewhere(this.#again(kept));
      this.#flow.takeEnd();
    } catch (thrown) {
      // Where nothing is called any more; what came with this frame for other calls is theirs.
      this.#flow.takeEnd(ServiceError.from(thrown));
    }
  }

  async next(): Promise<IteratorResult<Bytes, undefined>> {
    if (!this.#elsewhere) {
      const next = await this.#flow.next();
      if (!this.#elsewhere) return next;
    }
    return this.#elsewhere.next() as Promise<IteratorResult<Bytes, undefined>>;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async #ask(): Promise<void> {
    const flow = this.#flow;
    try {
      for (;;) {
        const room = flow.room();
        if (room) await room;
        if (flow.isOver) return;
        const { done, value } = await (this.#pulled = this.#call.requests.next());
        // Sent by the call elsewhere, which waits for it too.
        if (flow.isOver) return;
        this.#pulled = undefined;
        if (done) break;
        this.#kept?.push(value);
        flow.send(value);
      }
      this.#hasEnded = true;
      flow.say(FRAME.end);
    } catch (thrown) {
      this.#call.lifetime.end(ServiceError.from(thrown));
    }
  }

  async *#again(kept: readonly Bytes[]): AsyncGenerator<Bytes> {
    yield* kept;
    if (this.#hasEnded) return;
    for (;;) {
      const { done, value } = await (this.#pulled ?? this.#call.requests.next());
      this.#pulled = undefined;
      if (done) return;
      yield value;
    }
  }

  #cancel(): void {
    if (this.#flow.isOver) return;
    this.#flow.say(FRAME.cancel);
    this.#end();
  }

  #end(failure?: ServiceError): void {
    this.#over();
    this.#flow.takeEnd(failure);
  }

  #over(): void {
    if (this.#flow.isOver) return;
    this.#flow.stop();
    this.#onOver();
  }
}
