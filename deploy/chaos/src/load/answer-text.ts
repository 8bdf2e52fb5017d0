/** How the upstream answers one call of the load. */
export interface PlannedAnswer {
  readonly stream: boolean;
  /** The text in pieces, one a token. */
  readonly pieces: readonly string[];
  /** Between two pieces of a stream, and before a whole answer. */
  readonly gapMs: number;
}

/** Every so many calls one is a stream that lasts for seconds, so that each fault meets some in their middle. */
const LONG_EVERY = 15;
const LONG = { pieces: 60, gapMs: 50 };
const SHORT = { pieces: 10, gapMs: 20 };

/**
 * The answer to the call of this number. No two calls get the same text, so that a client knows an answer that was meant
 * for somebody else; half of the answers are streams.
 */
export function plannedAnswer(call: number): PlannedAnswer {
  const { pieces, gapMs } = call % LONG_EVERY === 0 ? LONG : SHORT;
  return { stream: call % 2 === 1 || call % LONG_EVERY === 0, gapMs, pieces: Array.from({ length: pieces }, (_, index) => ` c${call}w${index}`) };
}

/** The number of a call travels in the request's `user`, which a gateway passes on as it is. */
export const userOf = (call: number): string => `call=${call};`;

/** The number that `userOf` wrote into a request's body. */
export function callOf(body: string): number | undefined {
  const [, digits] = /"user":"call=(\d+);"/.exec(body) ?? [];
  return digits === undefined ? undefined : Number(digits);
}
