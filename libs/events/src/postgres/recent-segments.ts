import type { StoredSegment } from '../event-log.ts';

/** Two full batches: consumers that keep up are a fraction of one behind the head. */
const MAX_HELD_BYTES = 8 * 1024 * 1024;

export type SegmentPlace = Pick<StoredSegment, 'producer' | 'epoch' | 'seq'>;

/**
 * The bytes of segments that this process has just appended or read, so that its consumers need not have them sent by
 * the server, in hexadecimal, each for itself. What is on the log never changes; which segments there are, and in what
 * order, only the log says.
 */
export class RecentSegments {
  readonly #held = new Map<string, Uint8Array>();
  #bytes = 0;

  put(place: SegmentPlace, bytes: Uint8Array): void {
    const key = keyOf(place);
    this.#drop(key);
    this.#held.set(key, bytes);
    this.#bytes += bytes.length;
    for (const oldest of this.#held.keys()) {
      if (this.#bytes <= MAX_HELD_BYTES) return;
      this.#drop(oldest);
    }
  }

  /** Undefined when it is not held, or not with the size that the log has: then the log is to be asked. */
  get(place: SegmentPlace, sizeBytes: number): Uint8Array | undefined {
    const bytes = this.#held.get(keyOf(place));
    return bytes?.length === sizeBytes ? bytes : undefined;
  }

  #drop(key: string): void {
    this.#bytes -= this.#held.get(key)?.length ?? 0;
    this.#held.delete(key);
  }
}

function keyOf({ producer, epoch, seq }: SegmentPlace): string {
  return `${epoch} ${seq} ${producer}`;
}
