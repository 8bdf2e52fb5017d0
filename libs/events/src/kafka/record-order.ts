/** A record of a topic as it was read. */
export interface ReadRecord {
  readonly position: bigint;
  readonly offset: bigint;
  readonly key: string;
  readonly payload: Buffer;
  readonly traceparent: string | undefined;
}

/** What came before its turn is held; more than this is no disorder but a loss. */
export const MAX_HELD_RECORDS = 10_000;

/**
 * Puts a topic's records in order: positions are dense, so what comes again is known by its position, and what comes too
 * early waits until the gap in front of it is filled. Holds what was not handled yet, so that a cursor that says
 * `nextOffset` never stands behind any of it.
 */
export class RecordOrder {
  #position: bigint;
  #readUpTo: bigint;
  readonly #held = new Map<bigint, ReadRecord>();

  /** `position`: of the last record that was handled; `nextOffset`: of the next one that is read. */
  constructor(position: bigint, nextOffset: bigint) {
    this.#position = position;
    this.#readUpTo = nextOffset;
  }

  get position(): bigint {
    return this.#position;
  }

  /** What is held waits for a record that is missing. */
  get isFull(): boolean {
    return this.#held.size >= MAX_HELD_RECORDS;
  }

  /** Records that came, while one in front of them did not. */
  get waiting(): number {
    return this.#held.has(this.#position + 1n) ? 0 : this.#held.size;
  }

  read(record: ReadRecord): void {
    if (record.offset >= this.#readUpTo) this.#readUpTo = record.offset + 1n;
    if (record.position > this.#position && !this.#held.has(record.position)) this.#held.set(record.position, record);
  }

  /** Something at this offset is no record of the topic. */
  skip(offset: bigint): void {
    if (offset >= this.#readUpTo) this.#readUpTo = offset + 1n;
  }

  /** The next records in order, at most so many. */
  ready(limit: number): ReadRecord[] {
    const records: ReadRecord[] = [];
    for (let position = this.#position + 1n; records.length < limit; position++) {
      const record = this.#held.get(position);
      if (!record) break;
      records.push(record);
    }
    return records;
  }

  /** Where to go on reading when everything up to this position is handled and all else is forgotten. */
  nextOffset(handledUpTo: bigint): bigint {
    let least = this.#readUpTo;
    for (const { position, offset } of this.#held.values()) if (position > handledUpTo && offset < least) least = offset;
    return least;
  }

  /** Everything up to this position is handled for good. */
  handled(upTo: bigint): void {
    for (let position = this.#position + 1n; position <= upTo; position++) this.#held.delete(position);
    this.#position = upTo;
  }
}
