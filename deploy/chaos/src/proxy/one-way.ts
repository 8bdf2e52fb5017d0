import type { Socket } from 'node:net';

/** What is held for one direction of one connection; then its source is read no further. */
const HELD_LIMIT_BYTES = 1024 * 1024;

/** How the bytes of a proxy go at this moment. */
export interface Way {
  /** Each piece arrives so much later; `hold` keeps all until it ends. */
  readonly delayMs: number;
  readonly hold: boolean;
}

interface Piece {
  readonly bytes: Buffer;
  readonly dueMs: number;
}

/** Carries the bytes of one direction of one connection, in order, as its proxy's way is. */
export class OneWay {
  readonly #source: Socket;
  readonly #sink: Socket;
  readonly #way: () => Way;
  readonly #queue: Piece[] = [];
  #heldBytes = 0;
  #ended = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(source: Socket, sink: Socket, way: () => Way, change: (bytes: Buffer) => Buffer) {
    this.#source = source;
    this.#sink = sink;
    this.#way = way;
    source.on('data', (raw: Buffer) => {
      const bytes = change(raw);
      this.#queue.push({ bytes, dueMs: performance.now() + way().delayMs });
      this.#heldBytes += bytes.length;
      if (this.#heldBytes > HELD_LIMIT_BYTES) source.pause();
      this.pump();
    });
    source.on('end', () => {
      this.#ended = true;
      this.pump();
    });
    sink.on('drain', () => this.pump());
    sink.on('close', () => clearTimeout(this.#timer));
  }

  /** Sends what is due; called again when the way changes. */
  pump(): void {
    clearTimeout(this.#timer);
    if (this.#way().hold || this.#sink.destroyed || this.#sink.writableNeedDrain) return;
    while (this.#queue.length > 0) {
      const { bytes, dueMs } = this.#queue[0]!;
      const waitMs = dueMs - performance.now();
      if (waitMs > 0) return void (this.#timer = setTimeout(() => this.pump(), waitMs));
      this.#queue.shift();
      this.#heldBytes -= bytes.length;
      if (!this.#sink.write(bytes)) break;
    }
    if (this.#heldBytes <= HELD_LIMIT_BYTES && this.#source.isPaused()) this.#source.resume();
    if (this.#ended && this.#queue.length === 0) this.#sink.end();
  }
}
