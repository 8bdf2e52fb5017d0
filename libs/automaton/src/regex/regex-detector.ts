import type { Detector, Match } from '../detector.ts';
import type { CompiledRegex } from './program.ts';
import { RegexRun } from './regex-run.ts';

/** How much text an expression may keep back, in UTF-16 units: a screen, and no bar to a stream. */
export const MAX_HOLD = 4_096;

const isHighSurrogate = (unit: number): boolean => unit >= 0xd800 && unit <= 0xdbff;

/**
 * Expressions over one text; the rule of a match is the index of its expression. A match is a stretch of text that is
 * covered by overlapping occurrences: `\d\d` in `1234` is one match. Where more than `maxHold` units would be held
 * because an expression may still match, they count as matched.
 */
export function regexDetector(compiled: readonly CompiledRegex[], maxHold = MAX_HOLD): RegexDetector {
  return new RegexDetector(compiled, maxHold);
}

export class RegexDetector implements Detector {
  readonly #runs: readonly RegexRun[];
  readonly #matches: Match[] = [];
  /** The first half of a pair whose second has not come. */
  #half = '';
  #length = 0;
  #ended = false;

  constructor(compiled: readonly CompiledRegex[], maxHold: number) {
    this.#runs = compiled.map((regex, rule) => new RegexRun(regex, maxHold, (start, end) => this.#matches.push({ rule, start, end })));
  }

  get frontier(): number {
    if (this.#ended) return this.#length;
    return this.#runs.reduce((least, run) => Math.min(least, run.frontier), this.#length - (this.#runs.length > 0 ? this.#half.length : 0));
  }

  /** What the scan has cost so far, in looks at instructions. */
  get steps(): number {
    return this.#runs.reduce((sum, run) => sum + run.steps, 0);
  }

  push(piece: string): void {
    this.#length += piece.length;
    let text = this.#half + piece;
    this.#half = '';
    if (isHighSurrogate(text.charCodeAt(text.length - 1))) {
      this.#half = text.slice(-1);
      text = text.slice(0, -1);
    }
    for (const run of this.#runs) run.push(text);
  }

  end(): void {
    for (const run of this.#runs) {
      run.push(this.#half);
      run.end();
    }
    this.#half = '';
    this.#ended = true;
  }

  drain(into: Match[]): void {
    for (const match of this.#matches) into.push(match);
    this.#matches.length = 0;
  }
}
