import type { InProcessStore } from '../in-process/in-process-store.ts';
import { SlidingWindow } from '../in-process/sliding-window.ts';
import { usedOf } from '../in-process/subject-counts.ts';
import type { Subject, Taking, WindowLimit, WindowState } from '../store.ts';
import { placesKey } from './keys.ts';
import { sharedWindow, type Reported, type SharedWindow } from './member.ts';
import type { Terms } from './terms.ts';
import { reportOf } from './report.ts';
import { reserveOf } from './reserve.ts';

/** What is told to who may fit again when the others can be asked. */
const AWAY_WAIT_MS = 1_000;
/** What was let in longer ago has ended. */
const CALL_LIMIT_MS = 600_000;

/** How things stood when the others could be asked last. */
export interface Fall {
  readonly atMs: number;
  /** When the last sign of life was given that was answered; -Infinity: never. */
  readonly heardMs: number;
  /** Among how many it shares; 0 while the others may not know of this process. */
  readonly count: number;
  /** How far a window or the places with this key were used, by all; Infinity where that is not known. */
  usedBefore(key: string, windowMs: number): number;
  /** What this process itself held. */
  readonly heldBefore: ReadonlyMap<string, number>;
}

/** A taking, and of its windows that count amounts the buckets in which was counted. */
export interface AloneTaking extends Taking {
  readonly buckets: readonly number[];
}

/**
 * What a process lets in by itself while the others cannot be asked: in any window its reserve, of what was left of the limit as
 * it last heard, which all who can ask keep for it. When all that was used before has left, and those who can ask know that it is silent,
 * its reserve is one of the whole limit.
 */
export class AloneCounts {
  readonly #own: InProcessStore;
  readonly #fall: Fall;
  readonly #terms: Pick<Terms, 'leaseMs' | 'aloneMs'>;
  readonly #nowMs: () => number;
  readonly #windows = new Map<string, SlidingWindow>();

  /** @param own all that this process lets in, also when it is not alone */
  constructor(own: InProcessStore, fall: Fall, terms: Pick<Terms, 'leaseMs' | 'aloneMs'>, nowMs: () => number) {
    this.#own = own;
    this.#fall = fall;
    this.#terms = terms;
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
    if (!window) this.#windows.set(key, (window = new SlidingWindow(windowMs, bucketMs)));
    return window.add(this.#nowMs(), amount);
  }

  correct({ key }: SharedWindow, bucket: number, difference: number): void {
    this.#windows.get(key)?.correct(this.#nowMs(), bucket, difference);
  }

  /** What the others must be told of. */
  report(): readonly Reported[] {
    return [...this.#windows].map(([key, window]) => reportOf(key, window, this.#nowMs()));
  }

  #stateOf(id: string, limit: WindowLimit, nowMs: number, amount: number): WindowState {
    const { key, windowMs } = sharedWindow(id, limit);
    const own = this.#own.window(id, limit);
    const used = this.#windows.get(key)?.used(nowMs) ?? 0;
    const before = this.#hasSettled(windowMs, nowMs) ? 0 : Math.max(this.#fall.usedBefore(key, windowMs), own.used(nowMs) - used);
    const remaining = Math.max(0, this.#reserveOf(limit.limit, before, windowMs, nowMs) - used);
    const waitMs = amount <= remaining ? 0 : amount <= limit.limit ? AWAY_WAIT_MS : Infinity;
    return { waitMs, remaining, emptyInMs: own.emptyInMs(nowMs) };
  }

  /** Besides what it held already it holds its reserve; when others may have the places that it held, its reserve in all. */
  #placesOf(id: string, places: number, nowMs: number): number {
    if (this.#hasSettled(0, nowMs)) return this.#reserveOf(places, 0, 0, nowMs);
    const reserve = this.#reserveOf(places, this.#fall.usedBefore(placesKey(id), CALL_LIMIT_MS), 0, nowMs);
    return Math.min(places, (this.#fall.heldBefore.get(id) ?? 0) + reserve);
  }

  /** What was used before has left, and who can ask keeps a reserve of the whole limit for this process. */
  #hasSettled(lengthMs: number, nowMs: number): boolean {
    return nowMs - this.#fall.atMs >= lengthMs + this.#terms.leaseMs;
  }

  #reserveOf(limit: number, used: number, lengthMs: number, nowMs: number): number {
    const { heardMs, count } = this.#fall;
    return nowMs - heardMs >= this.#terms.aloneMs ? 0 : reserveOf(limit, used, lengthMs, count);
  }
}
