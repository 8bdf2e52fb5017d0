import { ServiceError } from '@sluice/errors';
import { FRAGMENT_BYTES } from './limits.ts';
import { piecesOf, type Piece } from './pieces.ts';
import type { RecordSource, SealingKeys } from './record.ts';
import type { SegmentBuilder } from './segment.ts';

/** A source whose records cannot be written: its project's key is unknown, or a record is faulty. */
export interface FailedSource {
  readonly source: RecordSource;
  readonly error: ServiceError;
}

interface Fill {
  readonly sources: Set<RecordSource>;
  readonly failed: readonly FailedSource[];
}

/** The sources that have something to write, in the order of their turn, with what did not fit into the last segment. */
export class WaitingSources {
  readonly #turns = new Map<RecordSource, Piece[]>();
  readonly #sealingKeys: SealingKeys;

  constructor(sealingKeys: SealingKeys) {
    this.#sealingKeys = sealingKeys;
  }

  get size(): number {
    return this.#turns.size;
  }

  add(source: RecordSource): void {
    if (!this.#turns.has(source)) this.#turns.set(source, []);
  }

  /** True when records were taken from the source that are in no segment yet. */
  holds(source: RecordSource): boolean {
    return (this.#turns.get(source)?.length ?? 0) > 0;
  }

  delete(source: RecordSource): void {
    this.#turns.delete(source);
  }

  clear(): void {
    this.#turns.clear();
  }

  [Symbol.iterator](): Iterator<RecordSource> {
    return this.#turns.keys();
  }

  /**
   * Fills a segment. A source is asked for records once; one with more than a fragment's worth goes to the end of the
   * row after each turn; the one that does not fit any more is first next time.
   */
  fill(builder: SegmentBuilder): Fill {
    const sources = new Set<RecordSource>();
    const failed: FailedSource[] = [];
    // A map visits what is added while it is walked, so that a source at the end of the row gets its next turn.
    for (const [source, kept] of this.#turns) {
      if (kept.length === 0 && sources.has(source)) continue;
      try {
        const pieces = kept.length > 0 ? kept : source.take().flatMap(piecesOf);
        if (!this.#turn(source, pieces, builder, sources)) break;
      } catch (thrown) {
        this.#turns.delete(source);
        failed.push({ source, error: ServiceError.from(thrown) });
      }
    }
    return { sources, failed };
  }

  /** One turn; false when the segment is full. */
  #turn(source: RecordSource, pieces: Piece[], builder: SegmentBuilder, sources: Set<RecordSource>): boolean {
    if (pieces.length === 0) {
      this.#turns.delete(source);
      return true;
    }
    const sealing = this.#sealingKeys(source.projectId);
    let placed = 0;
    let bytes = 0;
    while (placed < pieces.length && bytes < FRAGMENT_BYTES) {
      const piece = pieces[placed]!;
      if (!builder.add(source.projectId, sealing, piece)) {
        this.#turns.set(source, pieces.slice(placed));
        return false;
      }
      sources.add(source);
      bytes += piece.record.length + (piece.body?.length ?? 0);
      placed++;
    }
    this.#turns.delete(source);
    if (placed < pieces.length) this.#turns.set(source, pieces.slice(placed));
    return true;
  }
}
