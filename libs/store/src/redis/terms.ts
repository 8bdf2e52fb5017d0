import type { Terms } from './member.ts';

/** Answers take less than a millisecond; a call would rather be judged by this process alone than wait longer. */
const ANSWER_LIMIT_MS = 200;
/** What the others use is known to a process so late at most when Redis goes away. */
const BEAT_MS = 1_000;
/** A pause of a process that is longer ends the epoch of its calls too, so what it held is free then. */
const LEASE_MS = 10_000;
/** What a process that died alone had let in of a minute has left by then. */
const HOLD_BACK_MS = 60_000;

/** The terms of a platform in production. */
export const TERMS: Terms = { answerLimitMs: ANSWER_LIMIT_MS, beatMs: BEAT_MS, leaseMs: LEASE_MS, holdBackMs: HOLD_BACK_MS, nowMs: undefined };
