import type { RecurringTexts } from './recurring-texts.ts';

/** The compiled rules of one project, of one version. It never changes: a call keeps the one that it began with. */
export interface Policy {
  /** Counts up with each change of the rules of the organisation. */
  readonly version: bigint;
  /** Some rule looks at what goes into a model. */
  readonly filtersInput: boolean;
  /** Some rule looks at what comes out of one. */
  readonly filtersOutput: boolean;
  /** The same rules, but those that block: they let everything stand. What leaves is what may be kept of a call that was blocked. */
  readonly masksAlone: Policy;
  /** What is known of texts beside those of a call; absent where nothing is kept for the next one. */
  readonly recurring?: Readonly<Record<TextDirection, RecurringTexts>>;
  /** By the index that a match names. */
  rule(index: number): PolicyRule;
  /** A stream over one text in one direction. Cheap: what is compiled is shared. @param spend is told what it costs, in steps: looks at a rule or a character; may throw */
  open(direction: TextDirection, spend?: (steps: number) => void): TextStream;
}

export type TextDirection = 'in' | 'out';

export interface PolicyRule {
  readonly id: string;
  readonly kind: string;
  readonly action: 'block' | 'mask' | 'flag';
  /** What whoever is refused is told. */
  readonly title: string;
}

/** One text, looked at while it comes. What leaves does not depend on where the pieces are cut. */
export interface TextStream {
  push(piece: string): Release;
  /** Nothing follows: what was held is decided. */
  end(): Release;
  /** UTF-16 units that were pushed and are not decided: those of the next releases. 0 after `end`. */
  readonly held: number;
}

export interface Release {
  /** What may leave now: all that was decided since the last release, masked where a rule masks, ending before a match that blocks. */
  readonly text: string;
  /** Found since the last release; each once. One that masks or blocks begins at or behind all that was released before. */
  readonly matches: readonly TextMatch[];
  /** The rule that blocks: nothing of the text leaves any more. */
  readonly blockedBy?: number;
}

/** Offsets count UTF-16 units from the beginning of the text; `end` is exclusive. */
export interface TextMatch {
  readonly rule: number;
  readonly start: number;
  readonly end: number;
  /** What matched. Never leaves the process; it is hashed. */
  readonly text: string;
}

export interface Policies {
  /** The rules in force. Errors: `content_filter_unavailable` when they are not known. */
  of(organisationId: string, projectId: string): Policy;
}

/** HMAC-SHA-256 of a matched text under a key of the organisation. */
export type HitHash = (organisationId: string, text: string) => Uint8Array;
