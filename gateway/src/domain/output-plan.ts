import { ADDED_LENGTH_LIMIT_TOKENS } from './clipped-call.ts';
import type { KnownOutput } from './output-visibility.ts';

/** Output of one choice that is covered at first, and by each extension. Larger ones keep money from others; smaller ones ask more often. */
export const STEP_TOKENS = 256;

/** The longest answer to a choice of the models in use. */
const LONGEST_TOKENS = 131_072;

/** How the output of a call is covered by money, all numbers of tokens over all choices but where they say so. */
export interface OutputPlan {
  /** What is set aside for at first. */
  readonly first: number;
  /** The most that is asked for; 0 without bound. */
  readonly most: number;
  /** Less than that is of no use: no choice can be asked for less than one token. 0: whatever there is. */
  readonly least: number;
  /** Nothing behind what is covered can be stopped: where all of `most` is affordable, it is set aside before the call begins. */
  readonly isWhole: boolean;
  /** For each choice: a call that names no length is sent none that is larger. */
  readonly addedUpToTokens: number;
  /** The length that a choice may have: Infinity where none has to be sent. */
  length(coveredTokens: number, affordableTokens: number): number;
}

/**
 * A length that is sent must not be beyond what the server takes for one, and 2,048 are not, nor is what was reported before.
 *
 * @param named what the request bounds its output to, over all choices; undefined when it does not
 */
export function outputPlan({ isShown, longestTokens }: KnownOutput, named: number | undefined, choices: number): OutputPlan {
  const each = (tokens: number): number => Math.max(1, Math.floor(tokens / choices));
  if (isShown) {
    const first = Math.min(named ?? Infinity, STEP_TOKENS * choices);
    return { first, most: named ?? 0, least: 0, isWhole: false, addedUpToTokens: ADDED_LENGTH_LIMIT_TOKENS, length: (_covered, affordable) => each(affordable) };
  }
  if (named !== undefined) return { first: named, most: named, least: choices, isWhole: true, addedUpToTokens: 0, length: each };
  const most = LONGEST_TOKENS * choices;
  const short = Math.min(LONGEST_TOKENS, Math.max(ADDED_LENGTH_LIMIT_TOKENS, longestTokens));
  return {
    first: short * choices, most, least: choices, isWhole: true, addedUpToTokens: short,
    length: (covered) => (covered >= most ? Infinity : Math.min(each(covered), short)),
  };
}
