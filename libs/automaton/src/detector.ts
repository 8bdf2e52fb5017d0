/** A match in one text. Offsets count UTF-16 units from the beginning of the text; `end` is exclusive. */
export interface Match {
  /** Index of the rule among those that the detector was made with. */
  readonly rule: number;
  readonly start: number;
  readonly end: number;
}

/**
 * Looks at one text that comes in pieces. What it finds does not depend on where the pieces are cut, also not inside of
 * a surrogate pair. One text, one detector: what is compiled is shared, and what is made to look at a text is used again for
 * the next when this one has ended and its matches were drained.
 */
export interface Detector {
  push(piece: string): void;
  /** Nothing follows: what only more text could have decided is decided. */
  end(): void;
  /** No match that was not reported yet begins before this offset. Never moves back; after `end` it is the length of the text. */
  readonly frontier: number;
  /** Appends the matches that were found since it was last asked, in any order. One may be told twice, and one inside of another of its rule not at all. */
  drain(into: Match[]): void;
}
