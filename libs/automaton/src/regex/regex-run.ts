import { Assertion, type CompiledRegex, Op } from './program.ts';
import { ThreadList } from './thread-list.ts';

const NOTHING = -1;

interface Stretch {
  start: number;
  end: number;
}

/**
 * One expression over one text: Thompson's simulation, in which of all threads at one instruction that with the earliest
 * beginning lives on. So each end of a match comes with the earliest beginning, and the beginnings of the living threads are
 * all that is still open. Matches that overlap are one stretch.
 *
 * Without assertions a thread is followed as soon as a character is taken. With them the next character must be known,
 * so threads wait where they arrived (`#waiting`) until it is.
 */
export class RegexRun {
  readonly #regex: CompiledRegex;
  readonly #maxHold: number;
  readonly #report: (start: number, end: number) => void;
  readonly #stack: number[] = [];
  #threads: ThreadList;
  #next: ThreadList;
  #stretches: Stretch[] = [];
  #position = 0;
  #previousClass = NOTHING;
  /** Instructions looked at so far: what the run has cost. */
  steps = 0;

  constructor(regex: CompiledRegex, maxHold: number, report: (start: number, end: number) => void) {
    this.#regex = regex;
    this.#maxHold = maxHold;
    this.#report = report;
    this.#threads = new ThreadList(regex.instructions.length);
    this.#next = new ThreadList(regex.instructions.length);
  }

  get frontier(): number {
    const open = this.#threads.length > 0 ? this.#threads.start(0) : this.#position;
    return Math.min(open, this.#stretches[0]?.start ?? open);
  }

  /** Whole code points: a pair of surrogates does not come in two pieces. */
  push(piece: string): void {
    const { classes } = this.#regex;
    for (let i = 0; i < piece.length;) {
      if (this.#threads.length === 0) {
        const next = this.#skip(piece, i);
        this.#position += next - i;
        i = next;
        if (i === piece.length) break;
      }
      const codePoint = piece.codePointAt(i)!;
      const width = codePoint > 0xffff ? 2 : 1;
      const classNumber = classes.classOf(codePoint);
      if (this.#threads.length > 0 || classes.canBegin(classNumber)) this.#step(classNumber, width);
      this.#position += width;
      this.#previousClass = classNumber;
      i += width;
      if (this.#threads.length === 0 && this.#stretches.length === 0) continue;
      this.#settle();
      if (this.#position - this.frontier > this.#maxHold) this.#failClosed();
    }
  }

  end(): void {
    if (this.#regex.hasAssertions) this.#resolve(NOTHING);
    this.#threads.clear();
    this.#settle();
  }

  /** Over what no match begins with, while nothing is open; of what is skipped only the last matters, as what stands before. */
  #skip(piece: string, from: number): number {
    if (this.#stretches.length > 0) return from;
    const next = this.#regex.classes.skip(piece, from);
    if (next > from && this.#regex.hasAssertions) this.#previousClass = this.#regex.classes.classOf(piece.charCodeAt(next - 1));
    return next;
  }

  #step(classNumber: number, width: number): void {
    if (this.#threads.length === 0) this.#threads.clear();
    else if (this.#regex.hasAssertions) this.#resolve(classNumber);
    if (this.#regex.classes.canBegin(classNumber)) this.#follow(this.#threads, this.#regex.entry, this.#position, classNumber);
    const members = this.#regex.classes.members(classNumber);
    this.#next.clear();
    const threads = this.#threads;
    this.#position += width;
    for (let i = 0; i < threads.length; i++) {
      const { first, second } = this.#regex.instructions[threads.instruction(i)]!;
      this.steps++;
      if (members[first] !== 1) continue;
      if (!this.#regex.hasAssertions) this.#follow(this.#next, second, threads.start(i), NOTHING);
      else if (this.#next.visit(second)) this.#next.add(second, threads.start(i));
    }
    this.#position -= width;
    this.#threads = this.#next;
    this.#next = threads;
  }

  /** What comes next is known: the threads go on from where they waited. */
  #resolve(nextClass: number): void {
    const waiting = this.#threads;
    this.#next.clear();
    for (let i = 0; i < waiting.length; i++) this.#follow(this.#next, waiting.instruction(i), waiting.start(i), nextClass);
    this.#threads = this.#next;
    this.#next = waiting;
  }

  /** All instructions that take a character, or the match, to which a thread comes from here without taking one. */
  #follow(into: ThreadList, from: number, start: number, nextClass: number): void {
    const stack = this.#stack;
    stack.push(from);
    for (let index = stack.pop(); index !== undefined; index = stack.pop()) {
      this.steps++;
      if (!into.visit(index)) continue;
      const { op, first, second } = this.#regex.instructions[index]!;
      if (op === Op.Take) into.add(index, start);
      else if (op === Op.Split) stack.push(second, first);
      else if (op === Op.Match) this.#matched(start, this.#position);
      else if (this.#holds(first, nextClass)) stack.push(second);
    }
  }

  #holds(assertion: number, nextClass: number): boolean {
    if (assertion === Assertion.TextStart) return this.#position === 0;
    if (assertion === Assertion.TextEnd) return nextClass === NOTHING;
    const isBorder = this.#isWord(this.#previousClass) !== this.#isWord(nextClass);
    return isBorder === (assertion === Assertion.WordBorder);
  }

  #isWord(classNumber: number): boolean {
    return classNumber !== NOTHING && this.#regex.classes.members(classNumber)[this.#regex.wordSet] === 1;
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
    const open = this.#threads.length > 0 ? this.#threads.start(0) : this.#position;
    while (this.#stretches.length > 0 && this.#stretches[0]!.end <= open) {
      const { start, end } = this.#stretches.shift()!;
      this.#report(start, end);
    }
  }

  /** Too much would be held: what is open counts as a match, and the run begins anew. */
  #failClosed(): void {
    this.#report(this.frontier, this.#position);
    this.#threads.clear();
    this.#stretches = [];
  }
}
