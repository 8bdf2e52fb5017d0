/** How far one limit has been used. */
export interface LimitGauge {
  readonly limit: number;
  readonly remaining: number;
  /** Milliseconds until all of it can be used again, if nothing else is asked for. */
  readonly resetMs: number;
}

/** What clients are told of their limits: of each kind the one that is nearest; undefined where there is none. */
export interface LimitState {
  readonly requests: LimitGauge | undefined;
  readonly tokens: LimitGauge | undefined;
}

/** The one of which less is left. */
export function tighter(known: LimitGauge | undefined, other: LimitGauge): LimitGauge {
  return known && known.remaining <= other.remaining ? known : other;
}
