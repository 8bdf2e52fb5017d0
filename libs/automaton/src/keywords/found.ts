import type { Match } from '../detector.ts';
import { isContraction, LONGEST_CONTRACTION, SHORTEST_CONTRACTION } from './contractions.ts';

interface Growing extends Match {
  start: number;
  end: number;
}

/** Matches of one scan: those that are found, and those that wait for what follows, as they must end a word. */
export class Found {
  #ready: Growing[] = [];
  #waiting: Growing[] = [];
  readonly #textBetween: (start: number, end: number) => string;
  waits = false;

  /** @param textBetween what the text has there, as far back as the longest contraction */
  constructor(textBetween: (start: number, end: number) => string) {
    this.#textBetween = textBetween;
  }

  /** @param parted the word was listed with a separator, or nothing stands in it: then it is no word that a contraction has the letters of */
  add(rule: number, start: number, end: number, untilBoundary: boolean, parted: boolean): void {
    if (untilBoundary && !parted && end - start >= SHORTEST_CONTRACTION && end - start <= LONGEST_CONTRACTION && isContraction(this.#textBetween(start, end))) return;
    put(untilBoundary ? this.#waiting : this.#ready, rule, start, end);
    if (untilBoundary) this.waits = true;
  }

  /** What follows is known: it ends the word, or it does not. */
  decide(boundary: boolean): void {
    if (boundary) for (const { rule, start, end } of this.#waiting) put(this.#ready, rule, start, end);
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

/** A match inside of another of its rule does not count: where one is next to the other, only the outer one is kept. */
function put(matches: Growing[], rule: number, start: number, end: number): void {
  const last = matches[matches.length - 1];
  if (last?.rule === rule && last.start <= start && end <= last.end) return;
  if (last?.rule === rule && start <= last.start && last.end <= end) {
    last.start = start;
    last.end = end;
  } else {
    matches.push({ rule, start, end });
  }
}
