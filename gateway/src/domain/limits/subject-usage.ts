import type { Limits, LimitKind } from './limits.ts';
import { SlidingWindow } from './sliding-window.ts';

const MINUTE_MS = 60_000;
const DAY_MS = 1_440 * MINUTE_MS;
/** What is counted together, and so may wait for the last of it: a six-hundredth of a minute, a minute of a day. */
const MINUTE_BUCKET_MS = 100;
const DAY_BUCKET_MS = MINUTE_MS;

/** What is counted in windows; calls that run are counted as they come and go. */
export type WindowKind = Exclude<LimitKind, 'concurrent_requests'>;

/** What an organisation, a project or a key has used. A window is made when its limit is first asked for. */
export class SubjectUsage {
  /** Calls that run now. Counted without a limit too: one that is set now holds for calls that run already. */
  running = 0;
  readonly #windows = new Map<WindowKind, SlidingWindow>();
  #limits: Limits | undefined;
  #limited: readonly WindowLimit[] = [];

  window(kind: WindowKind): SlidingWindow {
    let window = this.#windows.get(kind);
    if (!window) this.#windows.set(kind, (window = kind === 'requests_per_day' ? new SlidingWindow(DAY_MS, DAY_BUCKET_MS) : new SlidingWindow(MINUTE_MS, MINUTE_BUCKET_MS)));
    return window;
  }

  /** The limits that are counted in windows and are set. */
  windowLimits(limits: Limits): readonly WindowLimit[] {
    if (this.#limits === limits) return this.#limited;
    const all: readonly (readonly [WindowKind, number])[] = [['requests_per_minute', limits.requestsPerMinute], ['requests_per_day', limits.requestsPerDay], ['tokens_per_minute', limits.tokensPerMinute]];
    this.#limits = limits;
    this.#limited = all.filter(([, limit]) => limit > 0).map(([kind, limit]) => ({ kind, limit, window: this.window(kind) }));
    return this.#limited;
  }

  /** True when there is nothing left to remember. */
  isIdle(nowMs: number): boolean {
    if (this.running > 0) return false;
    for (const window of this.#windows.values()) if (window.emptyInMs(nowMs) > 0) return false;
    return true;
  }
}

/** A limit that is counted in a window. */
export interface WindowLimit {
  readonly kind: WindowKind;
  readonly limit: number;
  readonly window: SlidingWindow;
}

/** What a call takes of a limit: itself, or its tokens. */
export function amountOf(kind: WindowKind, tokens: number): number {
  return kind === 'tokens_per_minute' ? tokens : 1;
}
