import { describe, expect, it } from '@jest/globals';
import type { Match } from '../detector.ts';
import { TwoReadings, type Reading } from './two-readings.ts';

/** Tells each text that it reads, whole, as one match of the rule 0 (marks end) or 1 (marks are forms); `#` is a mark. */
class Told implements Reading<Told> {
  readonly log: string[];
  readonly #marksAreForms: boolean;
  #said = '';
  #matches: Match[] = [];

  constructor(log: string[], marksAreForms: boolean) {
    this.log = log;
    this.#marksAreForms = marksAreForms;
  }

  get frontier(): number {
    return this.#marksAreForms ? this.#said.indexOf('#') : this.#said.length;
  }

  push(piece: string): void {
    this.#said += piece;
  }

  pushUntilMark(piece: string): number {
    const at = piece.indexOf('#');
    const plain = at < 0 ? piece : piece.slice(0, at);
    this.push(plain);
    return plain.length;
  }

  goOnFrom(other: Told): void {
    // What was there before must be forgotten already.
    this.#said += other.#said;
  }

  end(): void {
    this.log.push(`${this.#marksAreForms ? 'forms' : 'ending'} ${this.#said}`);
    this.#matches.push({ rule: this.#marksAreForms ? 1 : 0, start: 0, end: this.#said.length });
  }

  drain(into: Match[]): void {
    into.push(...this.#matches.splice(0));
  }

  reset(): void {
    this.#said = '';
    this.#matches = [];
  }
}

function reader() {
  const log: string[] = [];
  let made = 0;
  const readings = new TwoReadings((marksAreForms) => (made++, new Told(log, marksAreForms)));
  const read = (...pieces: string[]) => {
    for (const piece of pieces) readings.push(piece);
    const { frontier, steps } = readings;
    readings.end();
    const matches: Match[] = [];
    readings.drain(matches);
    readings.reset();
    return { log: log.splice(0), rules: matches.map(({ rule }) => rule), frontier, steps };
  };
  return { read, made: () => made };
}

describe('two readings', () => {
  it('are one for a text without marks', () => {
    const { read, made } = reader();
    expect(read('ab', 'c')).toEqual({ log: ['ending abc'], rules: [0], frontier: 3, steps: 0 });
    expect(made()).toBe(1);
  });

  it('are two from the first mark on, each with the whole text, and as far as both have come', () => {
    const { read, made } = reader();
    expect(read('ab', 'c#d', 'e')).toEqual({ log: ['ending abc#de', 'forms abc#de'], rules: [0, 1], frontier: 3, steps: 3 });
    expect(made()).toBe(2);
  });

  it('forget a text before the next, both of them', () => {
    const { read, made } = reader();
    read('one #1');
    expect(read('plain')).toEqual({ log: ['ending plain'], rules: [0], frontier: 5, steps: 0 });
    expect(read('two#2')).toEqual({ log: ['ending two#2', 'forms two#2'], rules: [0, 1], frontier: 3, steps: 2 });
    expect(made()).toBe(2);
  });
});
