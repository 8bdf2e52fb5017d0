import { type AST, RegExpParser, RegExpSyntaxError } from '@eslint-community/regexpp';
import { CharacterClasses } from './character-classes.ts';
import { LazyAutomaton } from './lazy-automaton.ts';
import { Assertion, type CompiledRegex, type Instruction, Op, type Program } from './program.ts';
import { RegexRefused } from './regex-refused.ts';

export const LONGEST_PATTERN = 256;
/** Counts are written out, and a character costs at most two looks at each instruction, where nothing is remembered. */
export const LARGEST_PROGRAM = 1_000;
const WORD = '\\w';

/**
 * The expression as a program that runs in linear time. ECMAScript with the flag `u` (and `i` when asked for), without
 * what needs memory of what was matched: no references back, no looking around. Lazy quantifiers are refused because
 * all that matches is found, not one of several; and nothing may match the empty text.
 * Throws `RegexRefused`.
 */
export function compileRegex(pattern: string, options: { readonly ignoreCase?: boolean } = {}): CompiledRegex {
  const ignoreCase = options.ignoreCase ?? false;
  if (pattern.length > LONGEST_PATTERN) throw new RegexRefused('too_long', `an expression has at most ${LONGEST_PATTERN} characters`, LONGEST_PATTERN);
  const tree = parse(pattern);
  const empty = tree.alternatives.find((alternative) => alternative.elements.every(canBeEmpty));
  const compiler = new Compiler();
  const entry = compiler.compile(tree);
  if (empty !== undefined) throw new RegexRefused('matches_empty', 'the expression matches the empty text', empty.start);
  const { instructions, sets } = compiler;
  const program: Program = {
    instructions,
    entry,
    hasAssertions: instructions.some(({ op }) => op === Op.Assert),
    classes: new CharacterClasses([...sets, WORD], ignoreCase, firstSets(instructions, entry)),
    wordSet: sets.length,
  };
  return { ...program, pattern, ignoreCase, automaton: new LazyAutomaton(program) };
}

function parse(pattern: string): AST.Pattern {
  try {
    return new RegExpParser({ ecmaVersion: 2025 }).parsePattern(pattern, 0, pattern.length, { unicode: true });
  } catch (error) {
    if (!(error instanceof RegExpSyntaxError)) throw error;
    throw new RegexRefused('syntax', error.message.replace(/^Invalid regular expression: \/.*\/[a-z]*: /su, ''), error.index);
  }
}

function canBeEmpty(element: AST.Element): boolean {
  switch (element.type) {
    case 'Assertion': return true;
    case 'Quantifier': return element.min === 0 || canBeEmpty(element.element);
    case 'Group':
    case 'CapturingGroup': return element.alternatives.some((alternative) => alternative.elements.every(canBeEmpty));
    default: return false;
  }
}

/** Writes the program from its end: each part is given where to go on. */
class Compiler {
  readonly instructions: { op: number; first: number; second: number }[] = [{ op: Op.Match, first: 0, second: 0 }];
  readonly sets: string[] = [];

  compile(tree: AST.Pattern): number {
    return this.#anyOf(tree.alternatives, 0);
  }

  #add(instruction: Instruction, node: AST.Node): number {
    if (this.instructions.length >= LARGEST_PROGRAM) {
      throw new RegexRefused('too_large', `the expression, with its counts written out, has more than ${LARGEST_PROGRAM} parts`, node.start);
    }
    return this.instructions.push({ ...instruction }) - 1;
  }

  #anyOf(alternatives: readonly AST.Alternative[], next: number): number {
    const [last, ...others] = alternatives.map((alternative) => alternative.elements.reduceRight((after, element) => this.#element(element, after), next)).reverse();
    return others.reduce((second, first) => this.#add({ op: Op.Split, first, second }, alternatives[0]!), last!);
  }

  #element(element: AST.Element, next: number): number {
    switch (element.type) {
      case 'Character':
      case 'CharacterSet':
      case 'CharacterClass':
        return this.#add({ op: Op.Take, first: this.#set(element.raw), second: next }, element);
      case 'Group':
        if (element.modifiers !== null) throw new RegexRefused('not_linear', 'flags inside of an expression are not supported', element.start);
        return this.#anyOf(element.alternatives, next);
      case 'CapturingGroup':
        return this.#anyOf(element.alternatives, next);
      case 'Quantifier':
        return this.#repeat(element, next);
      case 'Assertion':
        return this.#assert(element, next);
      default:
        throw new RegexRefused('not_linear', element.type === 'Backreference' ? 'a reference back cannot be matched in linear time' : `${element.type} is not supported`, element.start);
    }
  }

  #set(source: string): number {
    const known = this.sets.indexOf(source);
    return known >= 0 ? known : this.sets.push(source) - 1;
  }

  #assert(assertion: AST.Assertion, next: number): number {
    switch (assertion.kind) {
      case 'start': return this.#add({ op: Op.Assert, first: Assertion.TextStart, second: next }, assertion);
      case 'end': return this.#add({ op: Op.Assert, first: Assertion.TextEnd, second: next }, assertion);
      case 'word': return this.#add({ op: Op.Assert, first: assertion.negate ? Assertion.NoWordBorder : Assertion.WordBorder, second: next }, assertion);
      default: throw new RegexRefused('not_linear', 'looking ahead or behind cannot be matched in linear time', assertion.start);
    }
  }

  #repeat(quantifier: AST.Quantifier, next: number): number {
    if (!quantifier.greedy) throw new RegexRefused('not_linear', 'lazy quantifiers are not supported: say what may stand between, as in [^>]*', quantifier.end - 1);
    const { element, min, max } = quantifier;
    let after = next;
    if (max === Infinity) {
      after = this.#add({ op: Op.Split, first: next, second: next }, quantifier);
      this.instructions[after]!.first = this.#element(element, after);
    } else {
      for (let count = max; count > min; count--) {
        const before = this.instructions.length;
        const body = this.#element(element, after);
        if (this.instructions.length === before) break;
        after = this.#add({ op: Op.Split, first: body, second: next }, quantifier);
      }
    }
    for (let count = 0; count < min; count++) {
      const before = this.instructions.length;
      after = this.#element(element, after);
      if (this.instructions.length === before) break;
    }
    return after;
  }
}

function firstSets(instructions: readonly Instruction[], entry: number): number[] {
  const seen = new Set<number>();
  const open = [entry];
  const sets = new Set<number>();
  for (let index = open.pop(); index !== undefined; index = open.pop()) {
    if (seen.has(index)) continue;
    seen.add(index);
    const { op, first, second } = instructions[index]!;
    if (op === Op.Take) sets.add(first);
    if (op === Op.Split) open.push(first, second);
    if (op === Op.Assert) open.push(second);
  }
  return [...sets];
}
