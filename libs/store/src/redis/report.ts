import type { SlidingWindow } from '../in-process/sliding-window.ts';
import type { Reported } from './member.ts';

/** A window is told in so many pieces at most, each by the time of its last use: what is told leaves later by a twelfth of it, never earlier. */
const PIECES = 12;

/** What was used of a window, for those who count on. */
export function reportOf(key: string, window: SlidingWindow, nowMs: number): Reported {
  const { windowMs, bucketMs } = window;
  const uses = new Map<number, { agoMs: number; amount: number }>();
  for (const { atMs, amount } of window.uses(nowMs)) {
    const piece = Math.floor((atMs * PIECES) / windowMs);
    uses.set(piece, { agoMs: nowMs - atMs, amount: amount + (uses.get(piece)?.amount ?? 0) });
  }
  return { key, windowMs, bucketMs, uses: [...uses.values()].filter(({ amount }) => amount > 0) };
}
