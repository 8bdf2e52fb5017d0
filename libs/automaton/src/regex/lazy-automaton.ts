import { Assertion, Op, type Program } from './program.ts';
import { ThreadList } from './thread-list.ts';

const NONE = -1;
/** The end of the text, as what comes next. */
export const END = -1;

/** Numbers that may be remembered of an expression, for each of its instructions: a count of 200 needs 60. All expressions of an organisation together take some 20 MB at most. */
const CELLS_PER_INSTRUCTION = 512;
const LEAST_CELLS = 4_096;
/** What a state and a transition take beside their lists. */
const STATE_CELLS = 24;
const TRANSITION_CELLS = 8;
/** When so many times its size in looks had to be done again for want of room, what the memory holds is of other texts. */
const FORGET_AFTER = 4;

/**
 * Where the threads of a run are, those that began first first, and which of them began together. When they began is
 * known to the run alone, so that the same state comes again all over a text.
 */
export interface State {
  readonly threads: Uint16Array;
  /** By which it is found again; undefined without a thread. */
  readonly hash: number | undefined;
  /** For each thread the number of its beginning, from 0 for the earliest. */
  readonly beginnings: Uint16Array;
  /** How many beginnings there are. */
  readonly width: number;
  /** What stands before, as far as assertions ask for it. */
  readonly isAtStart: boolean;
  readonly isBehindWord: boolean;
  /** By the class of the next character, the end first. */
  next: (Transition | undefined)[];
}

/** What one character does to the beginnings of a state. */
export interface Transition {
  readonly state: State;
  /** The beginnings that live on, in order; of a new one, which stands before the character, the number behind the last. Undefined: all but the first `dropped`. */
  readonly kept: Int32Array | undefined;
  readonly dropped: number;
  /** A new beginning lives on. */
  readonly begins: boolean;
  /** The earliest beginning of what matches here, or -1. */
  readonly matched: number;
}

/**
 * An expression as a deterministic automaton that is built where texts lead to, and remembered: Thompson's simulation is
 * done once for each state and class of characters. Of all threads at one instruction that with the earliest beginning
 * lives on. The memory is bounded; what has no room in it is simulated each time.
 *
 * Without assertions a thread is followed as soon as a character is taken. With them the next character must be known,
 * so threads wait where they arrived until it is; a match then ends before the character, and not behind it.
 */
export class LazyAutomaton {
  readonly #program: Program;
  readonly #mostCells: number;
  readonly #states = new Map<number, State[]>();
  readonly #start: State;
  readonly #empty: readonly [notBehindWord: State, behindWord: State];
  readonly #stack: number[] = [];
  readonly #lists: readonly [ThreadList, ThreadList];
  #cells = 0;
  #looksInVain = 0;
  #matched = NONE;
  /** Looks at instructions so far: what building has cost. */
  looks = 0;

  /** @param mostCells how many numbers are remembered */
  constructor(program: Program, mostCells = Math.max(LEAST_CELLS, program.instructions.length * CELLS_PER_INSTRUCTION)) {
    this.#program = program;
    this.#mostCells = mostCells;
    const size = program.instructions.length;
    this.#lists = [new ThreadList(size), new ThreadList(size)];
    this.#empty = [noThreads(false, false), noThreads(false, true)];
    this.#start = program.hasAssertions ? noThreads(true, false) : this.#empty[0];
  }

  /** Before the first character. */
  get start(): State {
    return this.#start;
  }

  /** Without a thread, behind a character. */
  empty(isBehindWord: boolean): State {
    return this.#empty[this.#program.hasAssertions && isBehindWord ? 1 : 0];
  }

  isWord(classNumber: number): boolean {
    return this.#program.classes.members(classNumber)[this.#program.wordSet] === 1;
  }

  /** What a character of that class, or the end, does. */
  transition(state: State, classNumber: number): Transition {
    return state.next[classNumber + 1] ?? this.#build(state, classNumber);
  }

  #build(state: State, classNumber: number): Transition {
    this.#matched = NONE;
    const looksBefore = this.looks;
    const { hasAssertions, classes, entry } = this.#program;
    const [from, into] = this.#lists;
    from.clear();
    for (let i = 0; i < state.threads.length; i++) {
      const instruction = state.threads[i]!;
      if (hasAssertions) this.#follow(from, instruction, state.beginnings[i]!, state, classNumber);
      else if (from.visit(instruction)) from.add(instruction, state.beginnings[i]!);
    }
    into.clear();
    if (classNumber !== END) {
      if (classes.canBegin(classNumber)) this.#follow(from, entry, state.width, state, classNumber);
      this.#take(from, into, classNumber, state);
    }
    const transition = this.#transition(into, state, classNumber);
    if (this.#takeRoom(transition, into)) state.next[classNumber + 1] = transition;
    else this.#forget(this.looks - looksBefore);
    return transition;
  }

  /** Remembers where the transition leads to. False when there is no room for it. */
  #takeRoom({ state, kept }: Transition, threads: ThreadList): boolean {
    const isNew = state.hash !== undefined && !this.#states.get(state.hash)?.includes(state);
    const cells = TRANSITION_CELLS + (kept?.length ?? 0) + (isNew ? STATE_CELLS + 2 * threads.length : 0);
    if (this.#cells + cells > this.#mostCells) return false;
    this.#cells += cells;
    if (!isNew) return true;
    const alike = this.#states.get(state.hash!);
    if (alike) alike.push(state);
    else this.#states.set(state.hash!, [state]);
    return true;
  }

  #take(from: ThreadList, into: ThreadList, classNumber: number, state: State): void {
    const { instructions, hasAssertions, classes } = this.#program;
    const members = classes.members(classNumber);
    for (let i = 0; i < from.length; i++) {
      const { first, second } = instructions[from.instruction(i)]!;
      this.looks++;
      if (members[first] !== 1) continue;
      if (!hasAssertions) this.#follow(into, second, from.beginning(i), state, classNumber);
      else if (into.visit(second)) into.add(second, from.beginning(i));
    }
  }

  /** All instructions that take a character, or the match, to which a thread comes from here without taking one. */
  #follow(into: ThreadList, from: number, beginning: number, state: State, nextClass: number): void {
    const stack = this.#stack;
    stack.push(from);
    for (let index = stack.pop(); index !== undefined; index = stack.pop()) {
      this.looks++;
      if (!into.visit(index)) continue;
      const { op, first, second } = this.#program.instructions[index]!;
      if (op === Op.Take) into.add(index, beginning);
      else if (op === Op.Split) stack.push(second, first);
      else if (op === Op.Match) this.#matched = beginning;
      else if (this.#holds(first, state, nextClass)) stack.push(second);
    }
  }

  #holds(assertion: number, { isAtStart, isBehindWord }: State, nextClass: number): boolean {
    if (assertion === Assertion.TextStart) return isAtStart;
    if (assertion === Assertion.TextEnd) return nextClass === END;
    const isBorder = isBehindWord !== (nextClass !== END && this.isWord(nextClass));
    return isBorder === (assertion === Assertion.WordBorder);
  }

  #transition(threads: ThreadList, before: State, classNumber: number): Transition {
    const kept: number[] = [];
    const beginnings = new Uint16Array(threads.length);
    for (let i = 0; i < threads.length; i++) {
      const beginning = threads.beginning(i);
      if (kept.at(-1) !== beginning) kept.push(beginning);
      beginnings[i] = kept.length - 1;
    }
    const isBehindWord = this.#program.hasAssertions && classNumber !== END && this.isWord(classNumber);
    const state = this.#known(threads, beginnings, kept.length, isBehindWord);
    const begins = kept.at(-1) === before.width;
    const dropped = before.width - (kept.length - (begins ? 1 : 0));
    // They are in order, so that they are all of the last ones when the first of them is.
    const isTail = kept.length === 0 || kept[0] === dropped;
    return { state, kept: isTail ? undefined : Int32Array.from(kept), dropped, begins, matched: this.#matched };
  }

  #known(threads: ThreadList, beginnings: Uint16Array, width: number, isBehindWord: boolean): State {
    if (threads.length === 0) return this.empty(isBehindWord);
    let hash = isBehindWord ? 1 : 0;
    for (let i = 0; i < threads.length; i++) hash = Math.imul(hash ^ (threads.instruction(i) * 2_048 + beginnings[i]!), 0x01000193) + 1;
    const known = this.#states.get(hash)?.find((state) => state.isBehindWord === isBehindWord && isSame(state, threads, beginnings));
    return known ?? { hash, threads: threads.instructions(), beginnings, width, isAtStart: false, isBehindWord, next: [] };
  }

  /** Empties the memory when it has been of no use for long. */
  #forget(looks: number): void {
    this.#looksInVain += looks;
    if (this.#looksInVain < FORGET_AFTER * this.#mostCells) return;
    this.#looksInVain = this.#cells = 0;
    this.#states.clear();
    for (const root of [this.#start, ...this.#empty]) root.next = [];
  }
}

function noThreads(isAtStart: boolean, isBehindWord: boolean): State {
  return { hash: undefined, threads: new Uint16Array(0), beginnings: new Uint16Array(0), width: 0, isAtStart, isBehindWord, next: [] };
}

function isSame(state: State, threads: ThreadList, beginnings: Uint16Array): boolean {
  if (state.threads.length !== threads.length) return false;
  for (let i = 0; i < threads.length; i++) if (state.threads[i] !== threads.instruction(i) || state.beginnings[i] !== beginnings[i]) return false;
  return true;
}
