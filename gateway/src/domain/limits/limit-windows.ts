import type { WindowLimit } from '@sluice/store';
import type { LimitKind, Limits } from './limits.ts';

const MINUTE_MS = 60_000;
/** What is counted together, and so may wait for the last of it: a six-hundredth of a minute, a minute of a day. */
const MINUTE = { windowMs: MINUTE_MS, bucketMs: 100 };
const DAY_LENGTHS = { windowMs: 1_440 * MINUTE_MS, bucketMs: MINUTE_MS };

/** A limit that is counted in a window; calls that run are counted as they come and go. */
export interface LimitWindow extends WindowLimit {
  readonly kind: Exclude<LimitKind, 'concurrent_requests'>;
}

/** The window of the requests of a day. */
export const DAY = { name: 'requests_per_day', ...DAY_LENGTHS };

const NONE: readonly LimitWindow[] = [];
const known = new WeakMap<Limits, readonly LimitWindow[]>();

/** The limits that are counted in windows and are set; the same array as long as limits are the same object, because calls ask for it. */
export function windowsOf(limits: Limits | undefined): readonly LimitWindow[] {
  if (!limits) return NONE;
  let windows = known.get(limits);
  if (!windows) known.set(limits, (windows = setWindows(limits)));
  return windows;
}

function setWindows({ requestsPerMinute, requestsPerDay, tokensPerMinute }: Limits): readonly LimitWindow[] {
  const all: readonly LimitWindow[] = [
    { kind: 'requests_per_minute', name: 'requests_per_minute', ...MINUTE, limit: requestsPerMinute, counts: 'takings' },
    { kind: 'requests_per_day', ...DAY, limit: requestsPerDay, counts: 'takings' },
    { kind: 'tokens_per_minute', name: 'tokens_per_minute', ...MINUTE, limit: tokensPerMinute, counts: 'amounts' },
  ];
  return all.filter(({ limit }) => limit > 0);
}
