import type { InProcessStore } from '../in-process/in-process-store.ts';
import { SlidingWindow } from '../in-process/sliding-window.ts';
import { usedOf } from '../in-process/subject-counts.ts';
import type { Subject, Taking, WindowLimit, WindowState } from '../store.ts';
import { placesKey } from './keys.ts';
import { sharedWindow, type Reported, type SharedWindow } from './member.ts';
import { reportOf } from './report.ts';
import { shareAt, type Standing } from './share.ts';

/** What is told to who may fit again when the others can be asked. */
const AWAY_WAIT_MS = 1_000;
/** Calls that were let in together have ended by then; until then those of others are held to run. */
const PLACES_SETTLE_MS = 600_000;

/** How things stood when the others could be asked last. */
export interface Fall {
  readonly atMs: number;
  /** None while it is not known how many others there are, or while they may not know of this process. */
  readonly standings: readonly Standing[];
  /** How far a window or the places with this key were used, by all; 0 where that is not known. */
  usedBefore(key: string, windowMs: number): number;
  /** What this process itself held. */
  readonly heldBefore: ReadonlyMap<string, number>;
}

/** A taking, and of its windows that count amounts the buckets in which was counted. */
export interface AloneTaking extends Taking {
  readonly buckets: readonly number[];
}

interface AloneWindow {
  readonly uses: SlidingWindow;
  sum: number;
}

/**
 * What a process lets in by itself while the others cannot be asked: in any window its share of each limit, and until all that
 * was used before has left, besides, its share of what was left of the limit then. So all together stay within the limit.
 */
export class AloneCounts {
  readonly #own: InProcessStore;
  readonly #fall: Fall;
  readonly #nowMs: () => number;
  readonly #windows = new Map<string, AloneWindow>();

  /** @param own all that this process lets in, also when it is not alone */
  constructor(own: InProcessStore, fall: Fall, nowMs: () => number) {
    this.#own = own;
    this.#fall = fall;
    this.#nowMs = nowMs;
  }

  take(subjects: readonly Subject[], amount: number): AloneTaking {
    const nowMs = this.#nowMs();
    const windows = subjects.flatMap(({ id, windows: limits }) => limits.map((limit) => this.#stateOf(id, limit, nowMs, usedOf(limit, amount))));
    const full = subjects.map(({ id, places }) => places !== undefined && this.#own.held(id) >= this.#placesOf(id, places, nowMs));
    if (windows.some(({ waitMs }) => waitMs > 0) || full.includes(true)) return { hold: undefined, windows, full, buckets: [] };
    const hold = this.#own.note(subjects, amount);
    const buckets: number[] = [];
    for (const { id, windows: limits } of subjects) {
      for (const limit of limits) {
        const bucket = this.add(sharedWindow(id, limit), usedOf(limit, amount));
        if (limit.counts === 'amounts') buckets.push(bucket);
      }
    }
    return { hold, windows: subjects.flatMap(({ id, windows: limits }) => limits.map((limit) => ({ ...this.#stateOf(id, limit, nowMs, 0), waitMs: 0 }))), full, buckets };
  }

  /** Counts what this process lets in, and returns in which bucket, for a correction. */
  add({ key, windowMs, bucketMs }: SharedWindow, amount: number): number {
    let window = this.#windows.get(key);
    if (!window) this.#windows.set(key, (window = { uses: new SlidingWindow(windowMs, bucketMs), sum: 0 }));
    window.sum += amount;
    return window.uses.add(this.#nowMs(), amount);
  }

  correct({ key }: SharedWindow, bucket: number, difference: number): void {
    const window = this.#windows.get(key);
    if (!window) return;
    window.sum += difference;
    window.uses.correct(this.#nowMs(), bucket, difference);
  }

  /** What the others must be told of. */
  report(): readonly Reported[] {
    return [...this.#windows].map(([key, { uses }]) => reportOf(key, uses, this.#nowMs()));
  }

  #stateOf(id: string, limit: WindowLimit, nowMs: number, amount: number): WindowState {
    const { atMs, standings } = this.#fall;
    const share = shareAt(standings, limit.limit);
    const own = this.#own.window(id, limit);
    let waitMs = own.waitMs(nowMs, amount, share);
    let remaining = share - own.used(nowMs);
    const settledMs = atMs + limit.windowMs - nowMs;
    if (settledMs > 0) {
      const { key } = sharedWindow(id, limit);
      const room = shareAt(standings, limit.limit - this.#fall.usedBefore(key, limit.windowMs)) - (this.#windows.get(key)?.sum ?? 0);
      if (amount > room) waitMs = Math.max(waitMs, settledMs);
      remaining = Math.min(remaining, room);
    }
    if (waitMs === Infinity && amount <= limit.limit) waitMs = AWAY_WAIT_MS;
    return { waitMs, remaining: Math.max(0, remaining), emptyInMs: own.emptyInMs(nowMs) };
  }

  #placesOf(id: string, places: number, nowMs: number): number {
    const { atMs, standings, heldBefore } = this.#fall;
    const share = shareAt(standings, places);
    if (nowMs - atMs >= PLACES_SETTLE_MS) return share;
    return Math.min(share, (heldBefore.get(id) ?? 0) + shareAt(standings, places - this.#fall.usedBefore(placesKey(id), PLACES_SETTLE_MS)));
  }
}
