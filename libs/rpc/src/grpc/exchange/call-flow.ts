import { FRAME, type Frame } from './frame.ts';
import type { FrameWriter } from './frame-writer.ts';
import { decodeRoom, encodeRoom } from './payloads.ts';

type Bytes = Uint8Array;

const DONE = Object.freeze({ done: true, value: undefined });
/** How far one side of a call may be ahead of the other, and a message; as much as a stream of HTTP/2 has between grpc-js. */
const WINDOW_BYTES = 64 * 1024;
/** What a message takes of the window at least, so that short ones are bounded too. */
const MESSAGE_COST_BYTES = 256;
/** Longer messages go in pieces, so that what other calls have to say comes between them. */
const PIECE_BYTES = 16 * 1024;

const costOf = (bytes: Bytes): number => Math.max(MESSAGE_COST_BYTES, bytes.length);

/** One call of an exchange as both ends have it: messages that came, one per pull, and messages to send while there is room. */
export class CallFlow implements AsyncIterableIterator<Bytes, undefined> {
  readonly #id: number;
  readonly #writer: FrameWriter;
  readonly #limitBytes: number;
  readonly #came: Bytes[] = [];
  #cameBytes = 0;
  #pieces: Bytes[] = [];
  #piecesBytes = 0;
  /** Pulled since the other side was last told. */
  #pulledBytes = 0;
  #roomBytes = WINDOW_BYTES;
  #onRoom: (() => void) | undefined;
  #wake: (() => void) | undefined;
  #end: { readonly failure: Error | undefined } | undefined;
  #isOver = false;

  /** `limitBytes` of one message. */
  constructor(id: number, writer: FrameWriter, limitBytes: number) {
    this.#id = id;
    this.#writer = writer;
    this.#limitBytes = limitBytes;
  }

  /** Nothing is sent any more. */
  get isOver(): boolean {
    return this.#isOver;
  }

  say(kind: Frame['kind'], payload: Bytes = new Uint8Array()): void {
    this.#writer.write({ kind, id: this.#id, payload });
  }

  send(message: Bytes): void {
    this.#roomBytes -= costOf(message);
    let at = 0;
    for (; message.length - at > PIECE_BYTES; at += PIECE_BYTES) this.say(FRAME.piece, message.subarray(at, at + PIECE_BYTES));
    this.say(FRAME.message, at === 0 ? message : message.subarray(at));
  }

  /** Resolves when the next message may be sent, or nothing is any more; undefined where it may at once. */
  room(): Promise<void> | undefined {
    return this.#roomBytes > 0 || this.#isOver ? undefined : new Promise((resolve) => (this.#onRoom = resolve));
  }

  /** A piece, a message or room. Throws a RangeError when the other side sends more than it may. */
  take({ kind, payload }: Frame): void {
    if (kind === FRAME.room) return this.#widen(decodeRoom(payload));
    // Pieces of nothing are bounded too.
    if ((this.#piecesBytes += Math.max(1, payload.length)) > this.#limitBytes || this.#cameBytes > WINDOW_BYTES + this.#limitBytes) throw new RangeError('more came over an exchange than there was room for');
    this.#pieces.push(payload);
    if (kind === FRAME.piece || this.#end) return;
    const message = this.#pieces.length === 1 ? payload : Buffer.concat(this.#pieces);
    this.#pieces = [];
    this.#piecesBytes = 0;
    this.#cameBytes += costOf(message);
    this.#came.push(message);
    this.#wake?.();
  }

  /** The other side sends no more. */
  takeEnd(failure?: Error): void {
    this.#end ??= { failure };
    this.#wake?.();
  }

  /** This side sends no more. */
  stop(): void {
    this.#isOver = true;
    this.#onRoom?.();
  }

  async next(): Promise<IteratorResult<Bytes, undefined>> {
    for (;;) {
      const message = this.#came.shift();
      if (message) {
        this.#pulled(costOf(message));
        return { done: false, value: message };
      }
      if (this.#end?.failure) throw this.#end.failure;
      if (this.#end) return DONE;
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  #pulled(bytes: number): void {
    this.#cameBytes -= bytes;
    this.#pulledBytes += bytes;
    if (this.#pulledBytes < WINDOW_BYTES / 2 || this.#end) return;
    this.say(FRAME.room, encodeRoom(this.#pulledBytes));
    this.#pulledBytes = 0;
  }

  #widen(bytes: number): void {
    this.#roomBytes += bytes;
    if (this.#roomBytes > 0) this.#onRoom?.();
  }
}
