import type { ServerDuplexStream } from '@grpc/grpc-js';
import { ServiceError } from '@sluice/errors';
import { CallLifetime } from '../../call-lifetime.ts';
import { HandedStream } from '../../handed-stream.ts';
import { decode, encodeAnswer } from '../../wire-message.ts';
import { toCallError, toMetadata } from '../metadata.ts';
import { runHandler, type ServedMethod } from '../run-handler.ts';
import { CallFlow } from './call-flow.ts';
import { FRAME, splitFrames, type Frame } from './frame.ts';
import { FrameWriter } from './frame-writer.ts';
import { decodeOpen, encodeFailure } from './payloads.ts';

type Bytes = Uint8Array;

/** Calls under way on one exchange; what is asked beyond it has a stream of its own. A data-plane process holds a thousand clients. */
const CALLS_LIMIT = 2_000;

interface UnderWay {
  readonly lifetime: CallLifetime;
  readonly flow: CallFlow;
}

/** The server's end of a stream that many calls of one caller share. Each of them is checked as if it had come by itself. */
export class ServedExchange {
  readonly #stream: ServerDuplexStream<Bytes, Bytes>;
  readonly #methods: ReadonlyMap<string, ServedMethod>;
  readonly #limitBytes: number;
  readonly #writer: FrameWriter;
  readonly #calls = new Map<number, UnderWay>();
  #isLeft = false;

  /** `methods` by path; `onOver` once nothing is under way and nothing will be. */
  constructor(stream: ServerDuplexStream<Bytes, Bytes>, methods: ReadonlyMap<string, ServedMethod>, limitBytes: number, onOver: () => void) {
    this.#stream = stream;
    this.#methods = methods;
    this.#limitBytes = limitBytes;
    this.#writer = new FrameWriter(stream);
    stream.sendMetadata(toMetadata({}));
    stream.on('data', (bytes: Bytes) => this.#take(bytes));
    // A failure of a stream comes with its cancellation.
    stream.on('error', () => undefined);
    stream.once('end', () => this.#leave());
    stream.once('cancelled', () => {
      onOver();
      this.#cut();
    });
  }

  /** Takes no more calls: the caller is told, and makes them elsewhere. */
  leave(): void {
    if (this.#isLeft) return;
    this.#writer.write({ kind: FRAME.leave, id: 0, payload: new Uint8Array() });
    this.#leave();
  }

  #leave(): void {
    this.#isLeft = true;
    if (this.#calls.size === 0) this.#writer.end();
  }

  #cut(): void {
    this.#isLeft = true;
    for (const { lifetime } of [...this.#calls.values()]) lifetime.end(new ServiceError('cancelled', 'The caller left.'));
  }

  #take(bytes: Bytes): void {
    try {
      for (const frame of splitFrames(bytes)) this.#dispatch(frame);
    } catch (error) {
      this.#cut();
      this.#stream.emit('error', toCallError(error));
    }
  }

  #dispatch(frame: Frame): void {
    if (frame.kind === FRAME.open) return this.#open(frame);
    const call = this.#calls.get(frame.id);
    if (frame.kind === FRAME.cancel) call?.lifetime.end(new ServiceError('cancelled', 'The caller left.'));
    else if (frame.kind === FRAME.end) call?.flow.takeEnd();
    else call?.flow.take(frame);
  }

  #open({ id, payload }: Frame): void {
    if (this.#calls.has(id)) throw new RangeError('a call over an exchange has the number of another');
    const [path, timeoutMs, metadata] = decodeOpen(payload);
    const served = this.#methods.get(path);
    if (!served || this.#isLeft || this.#calls.size >= CALLS_LIMIT) return this.#writer.write({ kind: FRAME.refuse, id, payload: new Uint8Array() });
    const lifetime = new CallLifetime(timeoutMs === null ? {} : { timeoutMs }, served.clock);
    const call = { lifetime, flow: new CallFlow(id, this.#writer, this.#limitBytes) };
    this.#calls.set(id, call);
    void this.#serve(id, call, served, metadata);
  }

  async #serve(id: number, { lifetime, flow }: UnderWay, served: ServedMethod, metadata: Readonly<Record<string, string>>): Promise<void> {
    const { method, messageLimitBytes } = served;
    const requests = new HandedStream(lifetime, () => flow, (bytes) => decode(method.input, bytes as Bytes), nothing);
    const open = (): AsyncIterable<object> => {
      served.check(this.#stream);
      return runHandler(served, metadata, requests, lifetime) as AsyncIterable<object>;
    };
    try {
      for await (const answer of new HandedStream(lifetime, open, (given) => encodeAnswer(method.output, given, messageLimitBytes), nothing)) {
        flow.send(answer);
        const room = flow.room();
        if (room) await lifetime.race(room);
      }
      flow.say(FRAME.end);
    } catch (thrown) {
      flow.say(FRAME.fail, encodeFailure(thrown));
    } finally {
      lifetime[Symbol.dispose]();
      requests.close();
      this.#calls.delete(id);
      if (this.#isLeft && this.#calls.size === 0) this.#writer.end();
    }
  }
}

function nothing(): void {
  // The call's own end tells the handler.
}
