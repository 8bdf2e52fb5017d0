import type { ClientDuplexStream } from '@grpc/grpc-js';
import type { Clock, Timer } from '@sluice/clock';
import { AskedCall, type AskedCallOptions } from './asked-call.ts';
import { CallFlow } from './call-flow.ts';
import { FRAME, splitFrames, type Frame } from './frame.ts';
import { FrameWriter } from './frame-writer.ts';

type Bytes = Uint8Array;

/** After this an exchange takes no more calls: so that none holds on to a connection that is to be renewed, or to one instance of many. */
const AGE_MS = 10_000;

export interface ExchangeOptions {
  readonly clock: Clock;
  readonly limitBytes: number;
  /** The server has taken it: calls may be made. */
  readonly onReady: (exchange: Exchange) => void;
  /** No more calls may be made. */
  readonly onLeft: (exchange: Exchange) => void;
}

/** The caller's end of a stream that many calls to one instance share. */
export class Exchange {
  readonly #stream: ClientDuplexStream<Bytes, Bytes>;
  readonly #options: ExchangeOptions;
  readonly #writer: FrameWriter;
  readonly #calls = new Map<number, AskedCall>();
  readonly #age: Timer;
  #lastId = 0;
  #isLeft = false;
  #failure: Error | undefined;

  constructor(stream: ClientDuplexStream<Bytes, Bytes>, options: ExchangeOptions) {
    this.#stream = stream;
    this.#options = options;
    this.#writer = new FrameWriter(stream);
    this.#age = options.clock.after(AGE_MS, () => this.leave());
    stream.once('metadata', () => this.#isLeft || options.onReady(this));
    stream.on('data', (bytes: Bytes) => this.#take(bytes));
    // What arrived before a failure is read first: the end comes behind all of it.
    stream.on('error', (failure: Error) => (this.#failure ??= failure));
    stream.once('end', () => this.#ended());
  }

  /** Address of the instance. */
  get peer(): string {
    return this.#stream.getPeer();
  }

  call(asked: AskedCallOptions): AskedCall {
    const id = ++this.#lastId;
    const call = new AskedCall(new CallFlow(id, this.#writer, this.#options.limitBytes), asked, () => this.#over(id));
    this.#calls.set(id, call);
    return call;
  }

  /** Ends with the last of its calls. */
  leave(): void {
    if (this.#isLeft) return;
    this.#isLeft = true;
    this.#age.cancel();
    this.#options.onLeft(this);
    if (this.#calls.size === 0) this.#writer.end();
  }

  #take(bytes: Bytes): void {
    try {
      for (const frame of splitFrames(bytes)) this.#dispatch(frame);
    } catch (error) {
      this.#failure ??= error as Error;
      this.#stream.cancel();
    }
  }

  #dispatch(frame: Frame): void {
    if (frame.kind === FRAME.leave) this.leave();
    else this.#calls.get(frame.id)?.take(frame);
  }

  #over(id: number): void {
    this.#calls.delete(id);
    if (this.#isLeft && this.#calls.size === 0) this.#writer.end();
  }

  #ended(): void {
    this.leave();
    for (const call of [...this.#calls.values()]) call.broke(this.#failure);
  }
}
