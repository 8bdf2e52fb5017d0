/** What becomes of a match. Inside of the match of an `allow` rule no other match counts. */
export type RuleAction = 'block' | 'mask' | 'flag' | 'allow';

export interface ReleasePolicy {
  /** By rule, as the detectors number them. */
  readonly actions: readonly RuleAction[];
  /** What leaves instead of a match; overlapping matches leave as one, in the name of the one that begins first (of those, the longest). */
  mask(rule: number, matched: string): string;
  /** So much text, in UTF-16 units, may wait for what follows. What would have to wait longer is not decided: the text is over, as if it had been blocked. */
  readonly maxHold: number;
}

/** A match that counts. Offsets count UTF-16 units of the original text. */
export interface CountedMatch {
  readonly rule: number;
  readonly start: number;
  readonly end: number;
  /** What matched, for a digest: never for a record. */
  readonly text: string;
}

export interface Released {
  /** What may leave. */
  readonly text: string;
  /** Matches that were decided, by their start; nothing behind the match that blocks. */
  readonly matches: readonly CountedMatch[];
  /** Where the text ends for good: nothing from here on leaves, ever. */
  readonly blockedAt?: number;
  /** The rule that ended it; absent when `maxHold` did. */
  readonly blockedBy?: number;
}
