import { compileKeywords, compileRegex, keywordDetector, maskPii, piiDetector, regexDetector, ReleasingStream, type Detector, type PiiType, type RuleAction } from '@sluice/automaton';
import type { Policy, TextStream } from '../policy.ts';

const HOLD_LIMIT_UNITS = 8192;

/** What a rule looks for, by the engine that is used in earnest. */
export interface EngineRule {
  readonly action: RuleAction;
  readonly words?: readonly string[];
  readonly pii?: PiiType;
  /** Expressions stand behind all other rules: their engine numbers them by itself. */
  readonly regex?: string;
}

/** The same rules for both directions, in this order. */
export function enginePolicy(rules: readonly EngineRule[]): Policy {
  const words = compileKeywords(rules.flatMap(({ words: list, action }, rule) => (list ? [{ rule, words: list, allow: action === 'allow' }] : [])));
  const pii = rules.flatMap(({ pii: type }, rule) => (type ? [{ rule, type }] : []));
  const expressions = rules.flatMap(({ regex }) => (regex === undefined ? [] : [compileRegex(regex)]));
  const first = rules.length - expressions.length;
  const mask = (rule: number, matched: string): string => {
    const type = rules[rule]!.pii;
    return type ? maskPii(type, matched) : '*'.repeat(matched.length);
  };
  return {
    version: 1n,
    filtersInput: true,
    filtersOutput: true,
    get masksAlone() {
      return enginePolicy(rules.map((rule) => (rule.action === 'block' ? { ...rule, action: 'flag' } : rule)));
    },
    rule: (index) => ({ id: `rule-${index}`, kind: rules[index]!.pii ? `pii:${rules[index]!.pii}` : 'word', action: rules[index]!.action as 'block' | 'mask' | 'flag', title: `Title ${index}` }),
    open: (): TextStream =>
      new ReleasingStream([keywordDetector([words]), piiDetector(pii), new Behind(regexDetector(expressions), first)], { actions: rules.map(({ action }) => action), mask, maxHold: HOLD_LIMIT_UNITS }),
  };
}

/** A detector whose rules are numbered from another number on. */
class Behind implements Detector {
  readonly #detector: Detector;
  readonly #first: number;

  constructor(detector: Detector, first: number) {
    this.#detector = detector;
    this.#first = first;
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

  drain(into: Parameters<Detector['drain']>[0]): void {
    const found: Parameters<Detector['drain']>[0] = [];
    this.#detector.drain(found);
    for (const { rule, start, end } of found) into.push({ rule: rule + this.#first, start, end });
  }
}
