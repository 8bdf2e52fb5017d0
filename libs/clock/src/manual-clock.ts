import type { Clock, Timer } from './clock.ts';

interface Entry {
  dueMs: number;
  readonly order: number;
  readonly periodMs: number | undefined;
  readonly run: () => void;
}

/** A clock for tests: time stands still until `advance`; timers run in the order they are due. */
export class ManualClock implements Clock {
  #nowMs: number;
  #wallOffsetMs: number;
  #order = 0;
  readonly #entries = new Set<Entry>();

  constructor(startWallMs = 1_700_000_000_000) {
    this.#nowMs = 0;
    this.#wallOffsetMs = startWallMs;
  }

  wallMs(): number {
    return this.#wallOffsetMs + this.#nowMs;
  }

  monotonicMs(): number {
    return this.#nowMs;
  }

  after(delayMs: number, run: () => void): Timer {
    return this.#add(delayMs, undefined, run);
  }

  every(periodMs: number, run: () => void): Timer {
    return this.#add(periodMs, periodMs, run);
  }

  /** Moves time on and runs every timer that becomes due, at its own time. */
  advance(byMs: number): void {
    const untilMs = this.#nowMs + byMs;
    for (;;) {
      const next = this.#nextDue(untilMs);
      if (!next) break;
      this.#nowMs = Math.max(this.#nowMs, next.dueMs);
      if (next.periodMs === undefined) this.#entries.delete(next);
      else next.dueMs += next.periodMs;
      next.run();
    }
    this.#nowMs = untilMs;
  }

  /** Moves time on without running timers, as for a process that was paused. */
  jump(byMs: number): void {
    this.#nowMs += byMs;
  }

  #nextDue(untilMs: number): Entry | undefined {
    let next: Entry | undefined;
    for (const entry of this.#entries) {
      if (entry.dueMs > untilMs) continue;
      if (!next || entry.dueMs < next.dueMs || (entry.dueMs === next.dueMs && entry.order < next.order)) next = entry;
    }
    return next;
  }

  #add(delayMs: number, periodMs: number | undefined, run: () => void): Timer {
    const entry: Entry = { dueMs: this.#nowMs + delayMs, order: this.#order++, periodMs, run };
    this.#entries.add(entry);
    return { cancel: () => this.#entries.delete(entry) };
  }
}
