import { Op, type CompiledRegex, type Program } from './program.ts';

/** A bit for each, and one that says that a unit is known. */
export const EXPRESSIONS_A_TABLE = 31;
const KNOWN = 1 << 31;

const PAGE_BITS = 8;
const PAGE_MASK = (1 << PAGE_BITS) - 1;
const PAGES = 0x10000 >> PAGE_BITS;
/** Of each unit: the expressions that may have it as the first, the second and the third of a match. */
const ENTRY_BITS = 2;
const POSITIONS = 3;

const isSurrogate = (unit: number): boolean => (unit & 0xf800) === 0xd800;

/** Where matches of some expressions may begin, by three units in a row: most places of a text are left behind in one look for all of them. */
export class Openings {
  readonly #expressions: readonly CompiledRegex[];
  /** The bits of all of them. */
  readonly #all: number;
  /** Of each expression the sets of its first characters, by position; undefined where it may have ended before. */
  readonly #sets: readonly (readonly (readonly number[] | undefined)[])[];
  readonly #pages: (Int32Array | undefined)[] = new Array<Int32Array | undefined>(PAGES).fill(undefined);

  /** At most `EXPRESSIONS_A_TABLE` of them. */
  constructor(expressions: readonly CompiledRegex[]) {
    this.#expressions = expressions;
    this.#all = 2 ** expressions.length - 1;
    this.#sets = expressions.map(knownSets);
  }

  /** From `from` on, the first place at which a match may begin; the length of the text when there is none. */
  next(text: string, from: number): number {
    const pages = this.#pages;
    for (let at = from; at < text.length; at++) {
      const unit = text.charCodeAt(at);
      const page = pages[unit >>> PAGE_BITS];
      const first = page === undefined ? 0 : page[(unit & PAGE_MASK) << ENTRY_BITS]!;
      if (first !== KNOWN && this.at(text, at) !== 0) return at;
    }
    return text.length;
  }

  /** The expressions, a bit each, of which a match may begin at a place. What a piece has no more of, and what is half a pair, leaves it open. */
  at(text: string, at: number): number {
    const unit = text.charCodeAt(at);
    const first = this.#look(unit, 0) & ~KNOWN;
    if (first === 0 || at + 1 === text.length) return first;
    const next = text.charCodeAt(at + 1);
    const second = first & this.#look(next, 1);
    if (second === 0 || at + 2 === text.length || isSurrogate(unit) || isSurrogate(next)) return second;
    return second & this.#look(text.charCodeAt(at + 2), 2);
  }

  #look(unit: number, position: number): number {
    const page = (this.#pages[unit >>> PAGE_BITS] ??= new Int32Array(1 << (PAGE_BITS + ENTRY_BITS)));
    const entry = (unit & PAGE_MASK) << ENTRY_BITS;
    if (page[entry] === 0) this.#learn(page, entry, unit);
    return page[entry + position]!;
  }

  #learn(page: Int32Array, entry: number, unit: number): void {
    for (let position = 0; position < POSITIONS; position++) page[entry + position] = isSurrogate(unit) ? this.#all : this.#takers(unit, position);
    page[entry]! |= KNOWN;
  }

  #takers(unit: number, position: number): number {
    let takers = 0;
    this.#expressions.forEach(({ classes }, index) => {
      const sets = this.#sets[index]![position];
      const members = classes.members(classes.classOf(unit));
      if (sets === undefined || sets.some((set) => members[set] === 1)) takers |= 1 << index;
    });
    return takers;
  }
}

/** By expression: lists of them change, and they do not. */
const SETS = new WeakMap<Program, readonly (readonly number[] | undefined)[]>();

function knownSets(expression: Program): readonly (readonly number[] | undefined)[] {
  const sets = SETS.get(expression) ?? setsByPosition(expression);
  SETS.set(expression, sets);
  return sets;
}

/** The sets of which the first, the second and the third character of a match are; what assertions say aside. */
function setsByPosition({ instructions, entry }: Program): (readonly number[] | undefined)[] {
  const sets: (readonly number[] | undefined)[] = [];
  let open: readonly number[] = [entry];
  for (let position = 0; position < POSITIONS; position++) {
    const takes = takesFrom(instructions, open);
    sets.push(takes && [...new Set(takes.map(({ first }) => first))]);
    open = takes?.map(({ second }) => second) ?? [];
    if (takes === undefined) return [...sets, undefined, undefined];
  }
  return sets;
}

/** The instructions that take a character to which one comes without taking one; undefined when the match is among them. */
function takesFrom(instructions: Program['instructions'], from: readonly number[]): { first: number; second: number }[] | undefined {
  const seen = new Set<number>();
  const open = [...from];
  const takes = [];
  for (let index = open.pop(); index !== undefined; index = open.pop()) {
    if (seen.has(index)) continue;
    seen.add(index);
    const { op, first, second } = instructions[index]!;
    if (op === Op.Match) return undefined;
    if (op === Op.Take) takes.push({ first, second });
    else open.push(...(op === Op.Split ? [first, second] : [second]));
  }
  return takes;
}
