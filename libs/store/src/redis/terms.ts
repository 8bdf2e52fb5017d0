/** What membership rests on. */
export interface Terms {
  /** What Redis has not answered by then is given up, and not carried out later. */
  readonly answerLimitMs: number;
  /** How often a member gives a sign of life. */
  readonly beatMs: number;
  /** A member that gives no sign of life for so long is one no more, and its places are free. */
  readonly leaseMs: number;
  /** So long behind its last sign of life a process that cannot ask lets calls in by itself. */
  readonly aloneMs: number;
  /** For so many signs of life a taking waits for the others to hear what was used, where that is all that is in its way. */
  readonly patienceBeats: number;
  /** Milliseconds of a clock that all members share; undefined: the server's. */
  readonly nowMs: (() => number) | undefined;
}

/**
 * Answers take less than a millisecond, but a process beside which others start may not run for some hundred; and one that gives
 * up Redis for that refuses calls for a second. A call would rather be judged by this process alone than wait longer than this.
 */
const ANSWER_LIMIT_MS = 500;
/** What the others use is known to a process so late when Redis goes away; a limit that one process uses up alone in less time waits for it. */
const BEAT_MS = 250;
/** A pause of a process that is longer ends the epoch of its calls too, so what it held is free then. */
const LEASE_MS = 10_000;
/** As long as a call may run. Behind it nobody keeps anything for a process that was not heard, so it must not let in anything. */
const ALONE_MS = 600_000;
/** In so many signs of life everybody has heard of everything, unless somebody is away. */
const PATIENCE_BEATS = 4;

/** The terms of a platform in production. */
export const TERMS: Terms = { answerLimitMs: ANSWER_LIMIT_MS, beatMs: BEAT_MS, leaseMs: LEASE_MS, aloneMs: ALONE_MS, patienceBeats: PATIENCE_BEATS, nowMs: undefined };
