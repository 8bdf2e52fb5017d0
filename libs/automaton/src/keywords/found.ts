import type { Match } from '../detector.ts';

/** Matches of one scan: those that are found, and those that wait for what follows, as they must end a word. */
export class Found {
  #ready: Match[] = [];
  #waiting: Match[] = [];
  waits = false;

  add(rule: number, start: number, end: number, untilBoundary: boolean): void {
    (untilBoundary ? this.#waiting : this.#ready).push({ rule, start, end });
    if (untilBoundary) this.waits = true;
  }

  /** What follows is known: it ends the word, or it does not. */
  decide(boundary: boolean): void {
    if (boundary) for (const match of this.#waiting) this.#ready.push(match);
    this.#waiting = [];
    this.waits = false;
  }

  /** The first place of those that wait, or `otherwise`. */
  earliest(otherwise: number): number {
    for (const { start } of this.#waiting) if (start < otherwise) otherwise = start;
    return otherwise;
  }

  drain(into: Match[]): void {
    for (const match of this.#ready) into.push(match);
    if (this.#ready.length > 0) this.#ready = [];
  }
}
