import { setImmediate } from 'node:timers/promises';
import {
  KeywordsRefused, RegexRefused, compileKeywords, compileOffThread, compileRegex, keywordDetector, piiDetector, regexDetector, wordFault,
  type CompiledKeywords, type CompiledRegex, type Detector, type KeywordList, type Match, type PiiType,
} from '@sluice/automaton';
import { ServiceError } from '@sluice/errors';
import { MAX_RULES } from '../domain/add-rule.ts';
import type { TextDirection } from '../domain/call/policy.ts';
import { MAX_WORD_CHARACTERS } from '../domain/check-rule.ts';
import type { Compiler } from '../domain/ports.ts';
import { piiTypeOf, type Direction, type Rule } from '../domain/rule.ts';
import { AutomatonPolicy, type PolicyDetector } from './automaton-policy.ts';
import { KnownWords } from './known-words.ts';

/** So few take some 3 ms; a thread costs more. */
const WORDS_OFF_THREAD = 200;
/** A list this long is compiled by itself, and not again when other rules change. An organisation has room for ten: each is one more look at every text. */
const LONG_LIST = 20_000;
/** So is one with so many characters; there is room for five. */
const LONG_CHARACTERS = 400_000;
/** Expressions that are compiled before others get their turn; each takes up to an eighth of a millisecond. */
const EXPRESSIONS_A_TURN = 20;
/** Words that are looked at before others get their turn. */
const WORDS_A_TURN = 500;
const DIRECTIONS: readonly Direction[] = ['both', 'in', 'out'];

/** Words that were compiled together. */
interface WordSet {
  readonly direction: Direction;
  /** The rules that the words are of; they never change, nor do their numbers. */
  readonly ruleIds: string;
  readonly words: CompiledKeywords;
}

interface NumberedRegex {
  readonly direction: Direction;
  readonly number: number;
  readonly regex: CompiledRegex;
}

/** Rules of one place, numbered, ready to look at texts. */
export interface CompiledRules {
  readonly rules: ReadonlyMap<number, Rule>;
  readonly wordSets: readonly WordSet[];
  readonly regexes: readonly NumberedRegex[];
}

/** Policies by libs/automaton. */
export class AutomatonCompiler implements Compiler<CompiledRules> {
  readonly #words: KnownWords;

  constructor(words = new KnownWords()) {
    this.#words = words;
  }

  async partsOf(expressions: readonly string[]): Promise<number> {
    let parts = 0;
    for (const [index, expression] of expressions.entries()) {
      if (index % EXPRESSIONS_A_TURN === EXPRESSIONS_A_TURN - 1) await setImmediate();
      parts += linear(expression).instructions.length;
    }
    return parts;
  }

  async refuseUnfit({ kind, patterns }: Rule): Promise<void> {
    if (kind === 'regex') linear(patterns[0]!);
    if (kind === 'word') await refuseUnfitWords(patterns);
  }

  async alone(rule: Rule, signal?: AbortSignal): Promise<AutomatonPolicy> {
    return this.policy(0n, [await this.#compile([{ ...rule, action: 'flag', direction: 'both' }], false, undefined, signal)]);
  }

  compile(rules: readonly Rule[], before?: CompiledRules, signal?: AbortSignal): Promise<CompiledRules> {
    return this.#compile(rules, true, before, signal);
  }

  policy(version: bigint, parts: readonly CompiledRules[]): AutomatonPolicy {
    const rules = new Map(parts.flatMap((part) => [...part.rules]));
    return new AutomatonPolicy(version, rules, { in: openers(parts, rules, 'in'), out: openers(parts, rules, 'out') });
  }

  async #compile(all: readonly Rule[], wholeWord: boolean, before?: CompiledRules, signal?: AbortSignal): Promise<CompiledRules> {
    const rules = numbered(all, before);
    const regexes = await compileExpressions(rules, before);
    const wordSets: WordSet[] = [];
    for (const together of groups(rules)) {
      const ruleIds = together.map(([, { id }]) => id).join();
      const known = before?.wordSets.find((set) => set.ruleIds === ruleIds);
      const lists = together.map(([rule, { patterns, action }]): KeywordList => ({ rule, words: patterns, allow: action === 'allow', wholeWord }));
      const compiled = (): Promise<CompiledKeywords> => compileWords(lists, signal);
      const name = together.map(([number, { id }]) => `${number} ${id}`).join();
      wordSets.push(known ?? { direction: together[0]![1].direction, ruleIds, words: await (wholeWord ? this.#words.get(name, compiled) : compiled()) });
    }
    return { rules, wordSets, regexes };
  }
}

type NumberedRule = readonly [number: number, rule: Rule];

/** A rule keeps its number, by which what is compiled already knows it. Those of a project stand behind those of the organisation. */
function numbered(rules: readonly Rule[], before: CompiledRules | undefined): ReadonlyMap<number, Rule> {
  const known = new Map([...(before?.rules ?? [])].map(([number, { id }]) => [id, number]));
  const taken = new Set(rules.map(({ id }) => known.get(id)));
  let free = rules[0]?.projectId === undefined ? 0 : MAX_RULES;
  return new Map(rules.map((rule) => {
    const number = known.get(rule.id);
    if (number !== undefined) return [number, rule];
    while (taken.has(free)) free++;
    return [free++, rule];
  }));
}

/** Rules whose words are compiled together. */
function groups(rules: ReadonlyMap<number, Rule>): readonly (readonly NumberedRule[])[] {
  const words = [...rules].filter(([, { kind }]) => kind === 'word');
  const isLong = ([, { patternCount, patterns }]: NumberedRule): boolean =>
    patternCount >= LONG_LIST || (patternCount >= LONG_CHARACTERS / MAX_WORD_CHARACTERS && patterns.reduce((sum, { length }) => sum + length, 0) >= LONG_CHARACTERS);
  const short = DIRECTIONS.map((direction) => words.filter((one) => !isLong(one) && one[1].direction === direction)).filter(({ length }) => length > 0);
  return [...short, ...words.filter(isLong).map((one) => [one])];
}

async function compileWords(lists: readonly KeywordList[], signal: AbortSignal | undefined): Promise<CompiledKeywords> {
  const count = lists.reduce((sum, { words }) => sum + words.length, 0);
  try {
    return count > WORDS_OFF_THREAD ? await compileOffThread(lists, signal) : compileKeywords(lists);
  } catch (thrown) {
    if (!(thrown instanceof KeywordsRefused)) throw thrown;
    throw new ServiceError('invalid_value', `Invalid \`patterns\`: ${thrown.message}; leave some words out, or remove a rule first.`, { param: 'patterns' });
  }
}

/** A rule never changes: what was compiled of it, and what texts have taught since, is taken over. */
async function compileExpressions(rules: ReadonlyMap<number, Rule>, before: CompiledRules | undefined): Promise<CompiledRules['regexes']> {
  const known = new Map(before?.regexes.map((one) => [one.number, one]));
  const regexes: NumberedRegex[] = [];
  let compiled = 0;
  for (const [number, { id, kind, direction, patterns }] of rules) {
    if (kind !== 'regex') continue;
    const same = before?.rules.get(number)?.id === id ? known.get(number) : undefined;
    if (!same && compiled++ % EXPRESSIONS_A_TURN === 0) await setImmediate();
    regexes.push(same ?? { direction, number, regex: linear(patterns[0]!) });
  }
  return regexes;
}

function openers(parts: readonly CompiledRules[], rules: ReadonlyMap<number, Rule>, way: TextDirection): (() => PolicyDetector)[] {
  const looks = ({ direction }: { readonly direction: Direction }): boolean => direction === way || direction === 'both';
  const words = parts.flatMap(({ wordSets }) => wordSets.filter(looks).map((one) => one.words));
  const regexes = parts.flatMap((part) => part.regexes.filter(looks));
  const pii = [...rules].flatMap(([number, rule]): { rule: number; type: PiiType }[] => {
    const type = piiTypeOf(rule.kind);
    return type && looks(rule) ? [{ rule: number, type }] : [];
  });
  // Made once: what texts teach of them is kept with these lists.
  const expressions = regexes.map(({ regex }) => regex);
  const numbers = regexes.map(({ number }) => number);
  return [
    ...(words.length > 0 ? [() => keywordDetector(words)] : []),
    ...(pii.length > 0 ? [() => piiDetector(pii)] : []),
    ...(regexes.length > 0 ? [() => new Renumbered(regexDetector(expressions), numbers)] : []),
  ];
}

/** A detector whose rules have other numbers. */
class Renumbered implements PolicyDetector {
  readonly #detector: Detector & { readonly steps: number };
  readonly #numbers: readonly number[];
  readonly #found: Match[] = [];

  constructor(detector: Detector & { readonly steps: number }, numbers: readonly number[]) {
    this.#detector = detector;
    this.#numbers = numbers;
  }

  get frontier(): number {
    return this.#detector.frontier;
  }

  get steps(): number {
    return this.#detector.steps;
  }

  push(piece: string): void {
    this.#detector.push(piece);
  }

  end(): void {
    this.#detector.end();
  }

  drain(into: Match[]): void {
    this.#detector.drain(this.#found);
    for (const { rule, start, end } of this.#found) into.push({ rule: this.#numbers[rule]!, start, end });
    this.#found.length = 0;
  }
}

/** A word that nothing could match would be a rule that does nothing. */
async function refuseUnfitWords(words: readonly string[]): Promise<void> {
  for (let from = 0; from < words.length; from += WORDS_A_TURN) {
    for (const [index, word] of words.slice(from, from + WORDS_A_TURN).entries()) {
      const fault = wordFault(word);
      if (fault === undefined) continue;
      const why = fault === 'empty' ? 'holds nothing that can be looked for' : 'is too long';
      throw new ServiceError('invalid_value', `Invalid \`patterns\`: word ${from + index + 1} ${why}.`, { param: 'patterns' });
    }
    await setImmediate();
  }
}

function linear(pattern: string): CompiledRegex {
  try {
    return compileRegex(pattern);
  } catch (thrown) {
    if (!(thrown instanceof RegexRefused)) throw thrown;
    throw new ServiceError('invalid_value', `Invalid \`patterns\`: ${thrown.message}, at position ${thrown.position}.`, { param: 'patterns' });
  }
}
