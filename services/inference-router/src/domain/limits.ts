/** What one attempt may take; a setting each, with these as defaults. The whole call takes as long as its caller's deadline says. */
export interface CallLimits {
  /** From the attempt's start to its first event: a long prompt on a busy engine takes a minute. */
  readonly firstTokenMs: number;
  /** The same for an answer that is not streamed: most backends say nothing of it before all of it is there. */
  readonly wholeAnswerMs: number;
  /** Between two events of a stream, while somebody waits for one. */
  readonly idleMs: number;
}

/**
 * Five minutes are 15,000 tokens at 50 a second; and a call of ten minutes, which is the gateway's limit and that of
 * OpenAI's clients, has time for a second backend after one that never answered.
 */
const DEFAULT_WHOLE_ANSWER_MS = 300_000;

export const DEFAULT_CALL_LIMITS: CallLimits = { firstTokenMs: 120_000, wholeAnswerMs: DEFAULT_WHOLE_ANSWER_MS, idleMs: 60_000 };

/** One answer that is not streamed: 128 choices with log-probabilities stay below it. */
export const WHOLE_ANSWER_LIMIT_BYTES = 32 * 1024 * 1024;
/** All of them that are collected at once, of chats and as many of tensors; a setting. As many bytes as the gateway holds of requests and answers. */
export const DEFAULT_WHOLE_ANSWERS_LIMIT_BYTES = 128 * 1024 * 1024;

/** Deployments that are tried for one call. */
export const ATTEMPTS_LIMIT = 3;
/**
 * A further attempt begins at the latest when one could have run out of its time and this long after: then the client
 * has waited enough for an honest error.
 */
export const RETRY_GRACE_MS = 30_000;

/** Deployments that are asked how many tokens a prompt has: each reads all of it, so a model with more of them is not counted. */
export const COUNTED_DEPLOYMENTS_LIMIT = 8;

/** Calls that run at once on one deployment; each takes a connection. Above it the deployment is not chosen. */
export const DEFAULT_IN_FLIGHT_PER_DEPLOYMENT = 512;

/** Failures in a row that open a breaker. */
export const BREAKER_FAILURES = 5;
/** How long it stays open, doubled with each failed trial; and how long a trial without news blocks others, doubled with each further one. */
export const BREAKER_OPEN_MS = 2_000;
export const BREAKER_OPEN_LIMIT_MS = 60_000;

/** Health checks: of a deployment that is up, and of one that is not. */
export const PROBE_PERIOD_MS = 5_000;
export const PROBE_PERIOD_DOWN_MS = 500;
/** A check that takes longer has failed. */
export const PROBE_TIMEOUT_MS = 2_000;
/** Failed checks in a row that take a deployment out which was up: one may be the machine's fault. */
export const PROBE_FAILURES = 2;

/** Above this many candidates two random ones are compared instead of all (power of two choices). */
export const COMPARE_ALL_LIMIT = 8;
