/** What one of several processes may let in by itself: all their shares together are the limit. `rank` counts from 0 up to, not including, `count`. */
export function shareOf(limit: number, rank: number, count: number): number {
  return Math.floor((limit + count - 1 - rank) / count);
}

/** A process' place among those that share the limits, as it last heard. */
export interface Standing {
  readonly rank: number;
  readonly count: number;
}

/**
 * Of a process that does not know how many others there are: nothing, because they may have it all. Of one that is not sure
 * which of two standings the others believe it has: the lesser share.
 */
export function shareAt(standings: readonly Standing[], limit: number): number {
  if (standings.length === 0) return 0;
  return Math.min(...standings.map(({ rank, count }) => shareOf(Math.max(0, limit), rank, count)));
}
