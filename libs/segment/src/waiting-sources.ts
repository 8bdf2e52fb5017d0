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

interface Turn {
  /** Taken and in no segment yet. */
  readonly pieces: readonly Piece[];
  /** The source had something new since it was asked: it is asked again when its pieces are placed. */
  again: boolean;
}

interface Fill {
  readonly sources: Set<RecordSource>;
  readonly failed: readonly FailedSource[];
}

/** The sources that have something to write, in the order of their turn, with what did not fit into the last segment. */
export class WaitingSources {
  readonly #turns = new Map<RecordSource, Turn>();
  readonly #sealingKeys: SealingKeys;

  constructor(sealingKeys: SealingKeys) {
    this.#sealingKeys = sealingKeys;
  }

  get size(): number {
    return this.#turns.size;
  }

  add(source: RecordSource): void {
    const turn = this.#turns.get(source);
    if (!turn) this.#turns.set(source, { pieces: [], again: false });
    else turn.again = true;
  }

  /** True when records were taken from the source that are in no segment yet. */
  holds(source: RecordSource): boolean {
    return (this.#turns.get(source)?.pieces.length ?? 0) > 0;
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
    const asked = new Set<RecordSource>();
    const failed: FailedSource[] = [];
    // A map visits what is added while it is walked, so that a source at the end of the row gets its next turn.
    for (const [source, turn] of this.#turns) {
      if (turn.pieces.length === 0 && asked.has(source)) continue;
      try {
        const pieces = turn.pieces.length > 0 ? turn.pieces : this.#ask(source, turn, asked);
        if (!this.#place(source, { pieces, again: turn.again }, builder, sources)) break;
      } catch (thrown) {
        this.#turns.delete(source);
        failed.push({ source, error: ServiceError.from(thrown) });
      }
    }
    return { sources, failed };
  }

  #ask(source: RecordSource, turn: Turn, asked: Set<RecordSource>): Piece[] {
    asked.add(source);
    turn.again = false;
    return source.take().flatMap(piecesOf);
  }

  /** One turn; false when the segment is full. */
  #place(source: RecordSource, { pieces, again }: Turn, builder: SegmentBuilder, sources: Set<RecordSource>): boolean {
    const sealing = pieces.length > 0 ? this.#sealingKeys(source.projectId) : undefined;
    let placed = 0;
    let bytes = 0;
    while (sealing && placed < pieces.length && bytes < FRAGMENT_BYTES) {
      const piece = pieces[placed]!;
      if (!builder.add(source.projectId, sealing, piece)) {
        this.#turns.set(source, { pieces: pieces.slice(placed), again });
        return false;
      }
      sources.add(source);
      bytes += piece.record.length + (piece.body?.length ?? 0);
      placed++;
    }
    this.#turns.delete(source);
    if (placed < pieces.length || again) this.#turns.set(source, { pieces: pieces.slice(placed), again: again && placed < pieces.length });
    return true;
  }
}
