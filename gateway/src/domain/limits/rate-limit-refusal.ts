import { ServiceError } from '@sluice/errors';
import { LEVEL, type LevelName, type LimitKind } from './limits.ts';
import type { LimitState } from './limit-state.ts';

/** The limit that was reached, as it goes on record (`events.v1.LimitRefusal`). */
export interface ReachedLimit {
  readonly level: (typeof LEVEL)[LevelName];
  readonly subjectId: string;
  readonly kind: LimitKind;
  readonly limit: bigint;
}

/** One limit that does not let a call in. */
export interface Obstacle {
  readonly level: LevelName;
  readonly subjectId: string;
  readonly kind: LimitKind;
  readonly limit: number;
  /** What the call asked of it. */
  readonly asked: number;
  /** Infinity when no wait can help. */
  readonly waitMs: number;
}

const UNITS: Readonly<Record<LimitKind, readonly [thing: string, when: string]>> = {
  requests_per_minute: ['request', 'a minute'],
  tokens_per_minute: ['token', 'a minute'],
  concurrent_requests: ['request', 'at once'],
  requests_per_day: ['request', 'a day'],
};

/** A call that is not let in because a limit is reached. */
export class RateLimitRefusal extends ServiceError {
  readonly refusedBy: ReachedLimit;
  readonly state: LimitState;
  /** Milliseconds after which the call would be let in, if nobody else asks; undefined when it never will be. */
  readonly waitMs: number | undefined;

  constructor({ level, subjectId, kind, limit, asked, waitMs }: Obstacle, state: LimitState) {
    const hasEnd = waitMs !== Infinity;
    const allowed = `${limitText(kind, limit)} for this ${level}`;
    const reached = `Rate limit reached: ${allowed}.`;
    // A wait would not help, and a client that is told to wait would try for ever.
    const tooLarge = `Request too large: it may take ${asked} tokens, and the limit is ${allowed}. Shorten it or ask for less output (max_tokens, n).`;
    super('rate_limit_exceeded', hasEnd ? reached : tooLarge, hasEnd ? { retryAfterSeconds: waitMs / 1000 } : {});
    this.refusedBy = { level: LEVEL[level], subjectId, kind, limit: BigInt(limit) };
    this.state = state;
    this.waitMs = hasEnd ? waitMs : undefined;
  }
}

function limitText(kind: LimitKind, limit: number): string {
  const [thing, when] = UNITS[kind];
  return `${limit} ${thing}${limit === 1 ? '' : 's'} ${when}`;
}
