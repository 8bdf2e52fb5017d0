import { ADDED_LENGTH_LIMIT_TOKENS } from './clipped-call.ts';
import type { Visibility } from './output-visibility.ts';

/** Output of one choice that is covered at first, and by each extension. Larger ones keep money from others; smaller ones ask more often. */
export const STEP_TOKENS = 256;

/** What a model that hides output may say to a choice, where the request does not tell: those in use take as much. It is sent, so no server may think it too long. */
const HIDDEN_LENGTH_TOKENS = 32_768;

/** The longest answer to a choice of the models in use. */
const LONGEST_TOKENS = 131_072;

/** How the output of a call is covered by money, all numbers of tokens over all choices but where they say so. */
export interface OutputPlan {
  /** What is set aside for at first. */
  readonly first: number;
  /** The most that is asked for; 0 without bound. */
  readonly most: number;
  /** Nothing behind what is covered can be stopped: where all of `most` is affordable, it is set aside before the call begins. */
  readonly isWhole: boolean;
  /** A call that names no length is sent none that is larger, for each choice. */
  readonly addedUpToTokens: number;
  /** The length that a choice may have: Infinity where none has to be sent. */
  length(coveredTokens: number, affordableTokens: number): number;
}

/**
 * @param named what the request bounds its output to, over all choices; undefined when it does not
 */
export function outputPlan(visibility: Visibility, named: number | undefined, choices: number): OutputPlan {
  const each = (tokens: number): number => Math.max(1, Math.floor(tokens / choices));
  if (visibility === 'shown') {
    const first = Math.min(named ?? Infinity, STEP_TOKENS * choices);
    return { first, most: named ?? 0, isWhole: false, addedUpToTokens: ADDED_LENGTH_LIMIT_TOKENS, length: (_covered, affordable) => each(affordable) };
  }
  if (visibility === 'hidden' || named !== undefined) {
    const most = named ?? HIDDEN_LENGTH_TOKENS * choices;
    return { first: most, most, isWhole: true, addedUpToTokens: HIDDEN_LENGTH_TOKENS, length: each };
  }
  // The model may hide output, or may have a window too small for any length but a short one.
  const most = LONGEST_TOKENS * choices;
  const short = (covered: number): number => Math.min(each(covered), ADDED_LENGTH_LIMIT_TOKENS);
  return {
    first: ADDED_LENGTH_LIMIT_TOKENS * choices, most, isWhole: true, addedUpToTokens: ADDED_LENGTH_LIMIT_TOKENS,
    length: (covered) => (covered >= most ? Infinity : short(covered)),
  };
}
