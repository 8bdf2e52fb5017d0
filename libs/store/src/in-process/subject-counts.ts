import type { WindowLimit } from '../store.ts';
import { SlidingWindow } from './sliding-window.ts';

/** A window with what was used of it. */
export interface CountedWindow {
  readonly limit: WindowLimit;
  readonly window: SlidingWindow;
}

/** What one subject has used. A window is made when its limit is first asked for. */
export class SubjectCounts {
  /** Takings that are held now. Counted without a limit too: one that is set now holds for those that are held already. */
  held = 0;
  readonly #windows = new Map<string, SlidingWindow>();
  #limits: readonly WindowLimit[] | undefined;
  #counted: readonly CountedWindow[] = [];

  window({ name, windowMs, bucketMs }: Pick<WindowLimit, 'name' | 'windowMs' | 'bucketMs'>): SlidingWindow {
    let window = this.#windows.get(name);
    if (!window) this.#windows.set(name, (window = new SlidingWindow(windowMs, bucketMs)));
    return window;
  }

  /** The windows of these limits; looked up once as long as they are the same array. */
  windows(limits: readonly WindowLimit[]): readonly CountedWindow[] {
    if (this.#limits === limits) return this.#counted;
    this.#limits = limits;
    this.#counted = limits.map((limit) => ({ limit, window: this.window(limit) }));
    return this.#counted;
  }

  /** Every window that was asked for, by its name. */
  allWindows(): ReadonlyMap<string, SlidingWindow> {
    return this.#windows;
  }

  /** True when there is nothing left to remember. */
  isIdle(nowMs: number): boolean {
    if (this.held > 0) return false;
    for (const window of this.#windows.values()) if (window.emptyInMs(nowMs) > 0) return false;
    return true;
  }
}

/** What a taking uses of a window: one, or its amount. */
export function usedOf({ counts }: WindowLimit, amount: number): number {
  return counts === 'amounts' ? amount : 1;
}
