import type { Match } from '../detector.ts';
import { LentDetector, SpareDetectors, type ReusableDetector } from '../lent-detector.ts';
import { EXPRESSIONS_A_TABLE, Openings } from './openings.ts';
import type { CompiledRegex } from './program.ts';
import { RegexRun } from './regex-run.ts';

/** How much text an expression may keep back, in UTF-16 units: a screen, and no bar to a stream. */
export const MAX_HOLD = 4_096;
/** Three units are looked at together to tell where a match may begin, and two of them may wait for the third: with less to hold the cuts would show. */
const LEAST_HOLD = 2;

/** What is learnt of texts is learnt once for each list of expressions. */
const KNOWN_OPENINGS = new WeakMap<readonly CompiledRegex[], readonly Openings[]>();

function openingsOf(compiled: readonly CompiledRegex[]): readonly Openings[] {
  const known = KNOWN_OPENINGS.get(compiled);
  if (known) return known;
  const tables = Array.from({ length: Math.ceil(compiled.length / EXPRESSIONS_A_TABLE) }, (_, table) => new Openings(compiled.slice(table * EXPRESSIONS_A_TABLE, (table + 1) * EXPRESSIONS_A_TABLE)));
  KNOWN_OPENINGS.set(compiled, tables);
  return tables;
}

const isHighSurrogate = (unit: number): boolean => unit >= 0xd800 && unit <= 0xdbff;

/**
 * Expressions over one text; the rule of a match is the index of its expression. A match is a stretch of text that is
 * covered by overlapping occurrences: `\d\d` in `1234` is one match. Where more than `maxHold` units would be held
 * because an expression may still match, they count as matched. Give the same list for every text: what is learnt of texts is kept with it.
 */
export function regexDetector(compiled: readonly CompiledRegex[], maxHold = MAX_HOLD): LentDetector {
  return maxHold === MAX_HOLD ? SPARE.lend(compiled) : new LentDetector(new RegexDetector(compiled, maxHold), []);
}

class RegexDetector implements ReusableDetector {
  readonly #runs: readonly RegexRun[];
  readonly #openings: readonly Openings[];
  readonly #matches: Match[] = [];
  /** The first half of a pair whose second has not come. */
  #half = '';
  #length = 0;
  #ended = false;

  constructor(compiled: readonly CompiledRegex[], maxHold: number) {
    this.#openings = openingsOf(compiled);
    this.#runs = compiled.map((regex, rule) => new RegexRun(regex, Math.max(maxHold, LEAST_HOLD), (start, end) => this.#matches.push({ rule, start, end })));
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
    this.#look(text);
  }

  end(): void {
    this.#look(this.#half);
    for (const run of this.#runs) run.end();
    this.#half = '';
    this.#ended = true;
  }

  drain(into: Match[]): void {
    for (const match of this.#matches) into.push(match);
    this.#matches.length = 0;
  }

  reset(): void {
    for (const run of this.#runs) run.reset();
    this.#matches.length = 0;
    this.#half = '';
    this.#length = 0;
    this.#ended = false;
  }

  /** Whole code points. A run goes on where something is open, and where a match may begin. */
  #look(text: string): void {
    for (const run of this.#runs) if (!run.isIdle) run.goOn(text, 0);
    this.#openings.forEach((openings, table) => {
      const runs = this.#runs.slice(table * EXPRESSIONS_A_TABLE, (table + 1) * EXPRESSIONS_A_TABLE);
      for (let at = openings.next(text, seenByAll(runs)); at < text.length; at = openings.next(text, Math.max(at + 1, seenByAll(runs)))) {
        for (let bits = openings.at(text, at), bit = lowest(bits); bits !== 0; bits &= bits - 1, bit = lowest(bits)) {
          const run = runs[bit]!;
          if (run.seen <= at) run.goOn(text, at);
        }
      }
    });
    for (const run of this.#runs) run.finish(text);
  }
}

const SPARE = new SpareDetectors((compiled: readonly CompiledRegex[]) => new RegexDetector(compiled, MAX_HOLD));

/** The number of the lowest bit that is set. */
const lowest = (bits: number): number => 31 - Math.clz32(bits & -bits);

/** How much of a piece every run has gone through. */
function seenByAll(runs: readonly RegexRun[]): number {
  let least = Infinity;
  for (const { seen } of runs) if (seen < least) least = seen;
  return least;
}
