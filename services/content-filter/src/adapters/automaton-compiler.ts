import { setImmediate } from 'node:timers/promises';
import {
  RegexRefused, compileKeywords, compileOffThread, compileRegex, keywordDetector, piiDetector, regexDetector, wordFault,
  type CompiledKeywords, type CompiledRegex, type Detector, type KeywordList, type Match, type PiiType,
} from '@sluice/automaton';
import type { Clock } from '@sluice/clock';
import { ServiceError } from '@sluice/errors';
import { MAX_RULES } from '../domain/add-rule.ts';
import type { TextDirection } from '../domain/call/policy.ts';
import type { Compiler } from '../domain/ports.ts';
import { piiTypeOf, type Direction, type Rule } from '../domain/rule.ts';
import { AutomatonPolicy } from './automaton-policy.ts';

/** So few take some 3 ms; a thread costs more. */
const WORDS_OFF_THREAD = 200;
/** Words that are looked at before others get their turn. */
const WORDS_A_TURN = 500;
const DIRECTIONS: readonly Direction[] = ['both', 'in', 'out'];

/** Rules of one place, numbered, ready to look at texts. */
export interface CompiledRules {
  readonly rules: ReadonlyMap<number, Rule>;
  readonly keywords: readonly { readonly direction: Direction; readonly words: CompiledKeywords }[];
  readonly regexes: readonly { readonly direction: Direction; readonly number: number; readonly regex: CompiledRegex }[];
}

/** Policies by libs/automaton. */
export class AutomatonCompiler implements Compiler<CompiledRules> {
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  async alone(rule: Rule): Promise<AutomatonPolicy> {
    if (rule.kind === 'word') await refuseUnfit(rule.patterns);
    const telling: Rule = { ...rule, action: 'flag', direction: 'both' };
    return this.policy(0n, [await compileAll(this.#clock, [telling], { wholeWord: false })]);
  }

  compile(rules: readonly Rule[]): Promise<CompiledRules> {
    return compileAll(this.#clock, rules, {});
  }

  policy(version: bigint, parts: readonly CompiledRules[]): AutomatonPolicy {
    const rules = new Map(parts.flatMap((part) => [...part.rules]));
    return new AutomatonPolicy(version, rules, { in: openers(parts, rules, 'in'), out: openers(parts, rules, 'out') });
  }
}

type WordOptions = Pick<KeywordList, 'wholeWord'>;

async function compileAll(clock: Clock, all: readonly Rule[], options: WordOptions): Promise<CompiledRules> {
  // Rules of a project are numbered behind those of the organisation, whose number of rules may change beside them.
  const first = all[0]?.projectId === undefined ? 0 : MAX_RULES;
  const rules = new Map(all.map((rule, index) => [first + index, rule]));
  const regexes = [...rules].flatMap(([number, { kind, direction, patterns }]) => (kind === 'regex' ? [{ direction, number, regex: linear(patterns[0]!) }] : []));
  const keywords: { direction: Direction; words: CompiledKeywords }[] = [];
  for (const direction of DIRECTIONS) {
    const lists = [...rules].flatMap(([number, rule]): KeywordList[] =>
      rule.kind === 'word' && rule.direction === direction ? [{ rule: number, words: rule.patterns, allow: rule.action === 'allow', ...options }] : []);
    if (lists.length > 0) keywords.push({ direction, words: await compileWords(clock, lists) });
  }
  return { rules, keywords, regexes };
}

function compileWords(clock: Clock, lists: readonly KeywordList[]): Promise<CompiledKeywords> {
  const count = lists.reduce((sum, { words }) => sum + words.length, 0);
  return count > WORDS_OFF_THREAD ? compileOffThread(lists, clock) : Promise.resolve(compileKeywords(lists));
}

function openers(parts: readonly CompiledRules[], rules: ReadonlyMap<number, Rule>, way: TextDirection): (() => Detector)[] {
  const looks = ({ direction }: { readonly direction: Direction }): boolean => direction === way || direction === 'both';
  const words = parts.flatMap(({ keywords }) => keywords.filter(looks).map((one) => one.words));
  const regexes = parts.flatMap((part) => part.regexes.filter(looks));
  const pii = [...rules].flatMap(([number, rule]): { rule: number; type: PiiType }[] => {
    const type = piiTypeOf(rule.kind);
    return type && looks(rule) ? [{ rule: number, type }] : [];
  });
  return [
    ...(words.length > 0 ? [() => keywordDetector(words)] : []),
    ...(pii.length > 0 ? [() => piiDetector(pii)] : []),
    ...(regexes.length > 0 ? [() => new Renumbered(regexDetector(regexes.map(({ regex }) => regex)), regexes.map(({ number }) => number))] : []),
  ];
}

/** A detector whose rules have other numbers. */
class Renumbered implements Detector {
  readonly #detector: Detector;
  readonly #numbers: readonly number[];
  readonly #found: Match[] = [];

  constructor(detector: Detector, numbers: readonly number[]) {
    this.#detector = detector;
    this.#numbers = numbers;
  }

  get frontier(): number {
    return this.#detector.frontier;
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
async function refuseUnfit(words: readonly string[]): Promise<void> {
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
    throw new ServiceError('invalid_value', `Invalid \`pattern\`: ${thrown.message}, at position ${thrown.position}.`, { param: 'pattern' });
  }
}
