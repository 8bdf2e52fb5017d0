import { Beginnings } from './beginnings.ts';
import { END, type State } from './lazy-automaton.ts';
import type { CompiledRegex } from './program.ts';

interface Stretch {
  start: number;
  end: number;
}

/**
 * One expression over one text. Each end of a match comes with the earliest beginning, and the beginnings of the living
 * threads are all that is still open. Matches that overlap are one stretch.
 */
export class RegexRun {
  readonly #regex: CompiledRegex;
  readonly #maxHold: number;
  readonly #report: (start: number, end: number) => void;
  readonly #beginnings = new Beginnings();
  #state: State;
  #stretches: Stretch[] = [];
  #position = 0;
  /** How much of the piece that is looked at it has gone through. */
  seen = 0;
  /** What the run has cost so far: characters, and looks at instructions where the automaton had to be built. */
  steps = 0;

  constructor(regex: CompiledRegex, maxHold: number, report: (start: number, end: number) => void) {
    this.#regex = regex;
    this.#maxHold = maxHold;
    this.#report = report;
    this.#state = regex.automaton.start;
  }

  get frontier(): number {
    const open = this.#beginnings.at(0, this.#position);
    return Math.min(open, this.#stretches[0]?.start ?? open);
  }

  /** Whether nothing is open: then no text matters but where a match may begin. */
  get isIdle(): boolean {
    return this.#state.width === 0 && this.#stretches.length === 0;
  }

  /** Goes on at an index of a piece, over what it has not seen before, until nothing is open or the piece ends. Whole code points: a pair of surrogates does not come in two pieces. */
  goOn(piece: string, from: number): void {
    const { classes, automaton } = this.#regex;
    this.#skip(piece, from);
    for (let i = from; i < piece.length;) {
      const unit = piece.charCodeAt(i);
      const isPair = (unit & 0xfc00) === 0xd800;
      const codePoint = isPair ? piece.codePointAt(i)! : unit;
      const width = codePoint > 0xffff ? 2 : 1;
      const classNumber = classes.classOf(codePoint);
      if (this.#state.width > 0 || classes.canBegin(classNumber)) this.#step(classNumber, width);
      else this.#state = automaton.empty(automaton.isWord(classNumber));
      this.#position += width;
      i += width;
      this.seen = i;
      if (this.isIdle) return;
      if (this.#stretches.length > 0) this.#settle();
      if (this.isIdle) return;
      if (this.#position - this.frontier > this.#maxHold) this.#failClosed();
    }
  }

  /** No match begins in what it has not seen of a piece. */
  finish(piece: string): void {
    this.#skip(piece, piece.length);
    this.seen = 0;
  }

  end(): void {
    if (this.#regex.hasAssertions) this.#step(END, 0);
    this.#state = this.#regex.automaton.empty(false);
    this.#beginnings.clear();
    this.#settle();
  }

  /** What comes next is the beginning of another text. */
  reset(): void {
    this.#state = this.#regex.automaton.start;
    this.#beginnings.clear();
    if (this.#stretches.length > 0) this.#stretches = [];
    this.#position = this.seen = this.steps = 0;
  }

  /** Over what no match begins in, and no half of a pair, while nothing is open; only the last character of it matters, as what stands before. */
  #skip(piece: string, until: number): void {
    if (until === this.seen) return;
    const { classes, hasAssertions, automaton } = this.#regex;
    if (hasAssertions) this.#state = automaton.empty(automaton.isWord(classes.classOf(piece.charCodeAt(until - 1))));
    this.#position += until - this.seen;
    this.seen = until;
  }

  #step(classNumber: number, width: number): void {
    const { automaton, hasAssertions } = this.#regex;
    const before = automaton.looks;
    const transition = automaton.transition(this.#state, classNumber);
    this.steps += 1 + automaton.looks - before;
    if (transition.matched >= 0) this.#matched(this.#beginnings.at(transition.matched, this.#position), hasAssertions ? this.#position : this.#position + width);
    this.#beginnings.apply(transition, this.#position);
    this.#state = transition.state;
  }

  /** Becomes one with the stretches that it overlaps; they are in order and apart. */
  #matched(start: number, end: number): void {
    const stretch = { start, end };
    for (let last = this.#stretches.at(-1); last !== undefined && last.end > start; last = this.#stretches.at(-1)) {
      stretch.start = Math.min(stretch.start, last.start);
      stretch.end = Math.max(stretch.end, last.end);
      this.#stretches.pop();
    }
    this.#stretches.push(stretch);
  }

  /** Reports what no living thread can reach any more. */
  #settle(): void {
    const open = this.#beginnings.at(0, this.#position);
    while (this.#stretches.length > 0 && this.#stretches[0]!.end <= open) {
      const { start, end } = this.#stretches.shift()!;
      this.#report(start, end);
    }
  }

  /** Too much would be held: what is open counts as a match, and the run begins anew. */
  #failClosed(): void {
    this.#report(this.frontier, this.#position);
    this.#state = this.#regex.automaton.empty(this.#state.isBehindWord);
    this.#beginnings.clear();
    this.#stretches = [];
  }
}
