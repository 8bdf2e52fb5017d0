import type { Clock } from '@sluice/clock';
import type { Hold, Store, Subject, Taking, Use, WindowLimit, WindowState } from '../store.ts';
import { ChargedHold } from './charged-hold.ts';
import type { SlidingWindow } from './sliding-window.ts';
import { SubjectCounts, usedOf } from './subject-counts.ts';

/** How often what is idle is forgotten; walking all subjects takes about 0.1 µs for each. */
const FORGET_EVERY_MS = 60_000;

const NO_WINDOWS: readonly WindowState[] = [];
const NONE_FULL: readonly boolean[] = [];

/** The store of a platform that is one process: counts in memory, and answers at once. */
export class InProcessStore implements Store {
  readonly #clock: Pick<Clock, 'monotonicMs'>;
  readonly #subjects = new Map<string, SubjectCounts>();
  #forgotAtMs = -Infinity;

  constructor(clock: Pick<Clock, 'monotonicMs'>) {
    this.#clock = clock;
  }

  /** Subjects that are remembered. */
  get size(): number {
    return this.#subjects.size;
  }

  take(subjects: readonly Subject[], amount: number): Taking {
    const nowMs = this.#clock.monotonicMs();
    const counted = this.#counted(subjects, nowMs);
    if (!fits(subjects, counted, nowMs, amount)) return refusal(subjects, counted, nowMs, amount);
    const hold = this.#use(subjects, counted, nowMs, amount);
    return { hold, windows: statesOf(subjects, counted, nowMs, undefined), full: NONE_FULL };
  }

  /** Takes whether it fits or not: for what is known to have been let in. */
  note(subjects: readonly Subject[], amount: number): Hold {
    const nowMs = this.#clock.monotonicMs();
    return this.#use(subjects, this.#counted(subjects, nowMs), nowMs, amount);
  }

  precede(subjectId: string, window: Parameters<Store['precede']>[1], uses: readonly Use[]): void {
    this.#subject(subjectId).window(window).precede(uses);
  }

  /** Takings that a subject holds now. */
  held(subjectId: string): number {
    return this.#subjects.get(subjectId)?.held ?? 0;
  }

  /** Takings that are held now, by subject. */
  allHeld(): ReadonlyMap<string, number> {
    return new Map([...this.#subjects].map(([id, { held }]) => [id, held]));
  }

  /** All windows of all subjects. */
  *allWindows(): Iterable<{ readonly subjectId: string; readonly name: string; readonly window: SlidingWindow }> {
    for (const [subjectId, counts] of this.#subjects) for (const [name, window] of counts.allWindows()) yield { subjectId, name, window };
  }

  /** What a subject has used of a window. */
  window(subjectId: string, window: Pick<WindowLimit, 'name' | 'windowMs' | 'bucketMs'>): SlidingWindow {
    return this.#subject(subjectId).window(window);
  }

  #use(subjects: readonly Subject[], counted: readonly SubjectCounts[], nowMs: number, amount: number): Hold {
    const charged: SlidingWindow[] = [];
    for (let at = 0; at < subjects.length; at++) {
      const counts = counted[at]!;
      counts.held++;
      for (const { limit, window } of counts.windows(subjects[at]!.windows)) {
        if (limit.counts === 'amounts') charged.push(window);
        else window.add(nowMs, 1);
      }
    }
    return new ChargedHold(counted, charged, this.#clock, amount);
  }

  #counted(subjects: readonly Subject[], nowMs: number): readonly SubjectCounts[] {
    if (nowMs - this.#forgotAtMs >= FORGET_EVERY_MS) this.#forgetIdle(nowMs);
    return subjects.map(({ id }) => this.#subject(id));
  }

  #subject(id: string): SubjectCounts {
    let counts = this.#subjects.get(id);
    if (!counts) this.#subjects.set(id, (counts = new SubjectCounts()));
    return counts;
  }

  #forgetIdle(nowMs: number): void {
    this.#forgotAtMs = nowMs;
    for (const [id, counts] of this.#subjects) if (counts.isIdle(nowMs)) this.#subjects.delete(id);
  }
}

/** The store of a platform that is one process. */
export function createInProcessStore(clock: Pick<Clock, 'monotonicMs'>): InProcessStore {
  return new InProcessStore(clock);
}

function fits(subjects: readonly Subject[], counted: readonly SubjectCounts[], nowMs: number, amount: number): boolean {
  for (let at = 0; at < subjects.length; at++) {
    const { places, windows } = subjects[at]!;
    const counts = counted[at]!;
    if (places !== undefined && counts.held >= places) return false;
    for (const { limit, window } of counts.windows(windows)) if (window.used(nowMs) + usedOf(limit, amount) > limit.limit) return false;
  }
  return true;
}

function refusal(subjects: readonly Subject[], counted: readonly SubjectCounts[], nowMs: number, amount: number): Taking {
  const full = subjects.map(({ places }, at) => places !== undefined && counted[at]!.held >= places);
  return { hold: undefined, windows: statesOf(subjects, counted, nowMs, amount), full };
}

/** @param refused the amount that was not let in; undefined: it was */
function statesOf(subjects: readonly Subject[], counted: readonly SubjectCounts[], nowMs: number, refused: number | undefined): readonly WindowState[] {
  let states: WindowState[] | undefined;
  for (let at = 0; at < subjects.length; at++) {
    for (const { limit, window } of counted[at]!.windows(subjects[at]!.windows)) {
      (states ??= []).push({
        waitMs: refused === undefined ? 0 : window.waitMs(nowMs, usedOf(limit, refused), limit.limit),
        remaining: Math.max(0, limit.limit - window.used(nowMs)),
        emptyInMs: window.emptyInMs(nowMs),
      });
    }
  }
  return states ?? NO_WINDOWS;
}
