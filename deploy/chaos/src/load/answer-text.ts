/** How the upstream answers one call of the load. */
export interface PlannedAnswer {
  readonly stream: boolean;
  /** The text in pieces, one a token. */
  readonly pieces: readonly string[];
  /** Between two pieces of a stream, and before a whole answer. */
  readonly gapMs: number;
  /** What a client may get of it in all. */
  readonly allowed: string;
}

/** A rule of the run masks it in answers. */
export const UNWANTED = 'sluxyq';
/** With its number of letters, as the filter masks words. */
const MASKED = '*'.repeat(UNWANTED.length);

/** Every so many calls one is a stream that lasts for seconds, so that each fault meets some in their middle. */
const LONG_EVERY = 15;
const LONG = { pieces: 60, gapMs: 50 };
const SHORT = { pieces: 10, gapMs: 20 };
/** Calls that are neither of tensors nor of the poor key, a stream and a whole answer in twenty, have the unwanted word in their middle, in two pieces. */
const UNWANTED_EVERY = 20;
const UNWANTED_AT = [3, 14];
const UNWANTED_PIECES = [' slu', 'xyq'];
const BEFORE_UNWANTED = 4;

/**
 * The answer to the call of this number. No two calls get the same text, so that a client knows an answer that was meant
 * for somebody else; half of the answers are streams.
 */
export function plannedAnswer(call: number): PlannedAnswer {
  const { pieces: count, gapMs } = call % LONG_EVERY === 0 ? LONG : SHORT;
  const pieces = Array.from({ length: count }, (_, index) => ` c${call}w${index}`);
  if (isUnwanted(call)) pieces.splice(BEFORE_UNWANTED, UNWANTED_PIECES.length, ...UNWANTED_PIECES);
  return { stream: call % 2 === 1 || call % LONG_EVERY === 0, gapMs, pieces, allowed: pieces.join('').replace(UNWANTED, MASKED) };
}

export const isUnwanted = (call: number): boolean => UNWANTED_AT.includes(call % UNWANTED_EVERY);

/** The number of a call travels in the request's `user`, which a gateway passes on as it is. */
export const userOf = (call: number): string => `call=${call};`;

/** The number that `userOf` wrote into a request's body. */
export function callOf(body: string): number | undefined {
  const [, digits] = /"user":"call=(\d+);"/.exec(body) ?? [];
  return digits === undefined ? undefined : Number(digits);
}
