import type { Limits, LimitKind } from './limits.ts';
import { SlidingWindow } from './sliding-window.ts';

const MINUTE_MS = 60_000;
const DAY_MS = 1_440 * MINUTE_MS;
/** What a window may hold back longer than it must: a six-hundredth of a minute, a minute of a day. */
const MINUTE_BUCKET_MS = 100;
const DAY_BUCKET_MS = MINUTE_MS;

/** What is counted in windows; calls that run are counted as they come and go. */
export type WindowKind = Exclude<LimitKind, 'concurrent_requests'>;

/** What an organisation, a project or a key has used. A window is made when its limit is first asked for. */
export class SubjectUsage {
  /** Calls that run now. Counted without a limit too: one that is set now holds for calls that run already. */
  running = 0;
  readonly #windows = new Map<WindowKind, SlidingWindow>();

  window(kind: WindowKind): SlidingWindow {
    let window = this.#windows.get(kind);
    if (!window) this.#windows.set(kind, (window = kind === 'requests_per_day' ? new SlidingWindow(DAY_MS, DAY_BUCKET_MS) : new SlidingWindow(MINUTE_MS, MINUTE_BUCKET_MS)));
    return window;
  }

  /** True when there is nothing left to remember. */
  isIdle(nowMs: number): boolean {
    if (this.running > 0) return false;
    for (const window of this.#windows.values()) if (window.emptyInMs(nowMs) > 0) return false;
    return true;
  }
}

/** A limit that is counted in a window, and what a call takes of it. */
export interface WindowLimit {
  readonly kind: WindowKind;
  readonly limit: number;
  readonly amount: number;
  readonly window: SlidingWindow;
}

/** The limits of one subject that are counted in windows and are set. */
export function windowLimits(usage: SubjectUsage, limits: Limits, tokens: number): readonly WindowLimit[] {
  const found: WindowLimit[] = [];
  const add = (kind: WindowKind, limit: number, amount: number): void => {
    if (limit > 0) found.push({ kind, limit, amount, window: usage.window(kind) });
  };
  add('requests_per_minute', limits.requestsPerMinute, 1);
  add('requests_per_day', limits.requestsPerDay, 1);
  add('tokens_per_minute', limits.tokensPerMinute, tokens);
  return found;
}
