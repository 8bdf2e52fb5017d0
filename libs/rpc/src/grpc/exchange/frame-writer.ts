import type { Writable } from 'node:stream';
import { HEAD_BYTES, joinFrames, type Frame } from './frame.ts';

/** Together with the longest piece, well below the limit of a message. */
const BATCH_BYTES = 32 * 1024;

/**
 * Writes what all calls of one turn of the event loop have to say as one message: at many calls a second a write, its
 * encryption and the wake of the other process cost more than all else. What waits here is bounded by the room of each call.
 */
export class FrameWriter {
  readonly #stream: Writable;
  #frames: Frame[] = [];
  #isDue = false;
  #isEnding = false;
  #isEnded = false;

  constructor(stream: Writable) {
    this.#stream = stream;
  }

  write(frame: Frame): void {
    // The stream may be over before the calls on it have all heard of it.
    if (this.#isEnded) return;
    this.#frames.push(frame);
    this.#schedule();
  }

  /** Ends the stream behind what was written. */
  end(): void {
    this.#isEnding = true;
    this.#schedule();
  }

  #schedule(): void {
    if (this.#isDue) return;
    this.#isDue = true;
    setImmediate(this.#flush);
  }

  readonly #flush = (): void => {
    while (this.#frames.length > 0) {
      if (this.#stream.write(joinFrames(this.#nextBatch()))) continue;
      if (this.#frames.length === 0) break;
      this.#stream.once('drain', this.#flush);
      return;
    }
    this.#isDue = false;
    if (!this.#isEnding || this.#isEnded) return;
    this.#isEnded = true;
    this.#stream.end();
  };

  #nextBatch(): Frame[] {
    let [count, bytes] = [0, 0];
    while (count < this.#frames.length && bytes < BATCH_BYTES) bytes += HEAD_BYTES + this.#frames[count++]!.payload.length;
    if (count === this.#frames.length) {
      const all = this.#frames;
      this.#frames = [];
      return all;
    }
    return this.#frames.splice(0, count);
  }
}
