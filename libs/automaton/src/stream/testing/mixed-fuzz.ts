/**
 * The laws of `ReleasingStream` for words, personal data and expressions beside each other, over texts made of real values, of
 * what only looks like them and of pieces of both. By hand: `node libs/automaton/src/stream/testing/mixed-fuzz.ts RUNS [SEED]`.
 */
import { fileURLToPath } from 'node:url';
import type { Detector, Match } from '../../detector.ts';
import { compileKeywords } from '../../keywords/compile-keywords.ts';
import { keywordDetector } from '../../keywords/keyword-detector.ts';
import { piiDetector } from '../../pii/pii-detector.ts';
import { PII_TYPES } from '../../pii/pii-type.ts';
import { PiiSamples } from '../../pii/testing/pii-samples.ts';
import { compileRegex } from '../../regex/compile-regex.ts';
import { regexDetector } from '../../regex/regex-detector.ts';
import { filterWhole } from '../filter-whole.ts';
import type { ReleasePolicy, RuleAction } from '../release-policy.ts';
import { brokenLaw, type FuzzResult } from './fuzz.ts';
import { Random } from './random.ts';

const SIGNS = [
  ...['a', 's', 'b', 'e', 'f', 'X', 'DE', 'GB', '法', '轮', '功', 'phone', '电话', '.com', '0', '1', '1', '2', '3', '4', '6', '8', '00', '+86', '138', '62', '4111', '１', '3️⃣'],
  ...['-', ' ', '.', ':', '::', '@', '+', '(', ')', '/', '_', ',', '，', '\n', '\u200b', '\ud83d', '😀'],
];
const WORDS = [
  compileKeywords([{ rule: 0, words: ['法轮功', 'bad ass', 'as'] }, { rule: 1, words: ['ass', '轮', '138', 'com'] }]),
  compileKeywords([{ rule: 2, words: ['a@b', 's 1'], wholeWord: false }]),
];
const EXPRESSIONS = ['[0-9]{3,6}a', 'b+1', '\\b1.{0,4}8\\b'].map((pattern) => compileRegex(pattern));
const FIRST_PII_RULE = 3;
const PII = PII_TYPES.map((type, index) => ({ rule: FIRST_PII_RULE + index, type }));
const RULES = FIRST_PII_RULE + PII_TYPES.length;
const CUTS_A_TEXT = 10;
const MAX_PARTS = 7;
const MAX_SIGNS = 4;
const MAX_HOLD = 4_000;

/** Several detectors as one. */
class Together implements Detector {
  readonly #detectors: readonly Detector[];

  constructor(detectors: readonly Detector[]) {
    this.#detectors = detectors;
  }

  get frontier(): number {
    return Math.min(...this.#detectors.map(({ frontier }) => frontier));
  }

  push(piece: string): void {
    for (const detector of this.#detectors) detector.push(piece);
  }

  end(): void {
    for (const detector of this.#detectors) detector.end();
  }

  drain(into: Match[]): void {
    for (const detector of this.#detectors) detector.drain(into);
  }
}

export function mixedFuzz(runs: number, seed: number): FuzzResult {
  const random = new Random(seed);
  const samples = new PiiSamples(seed);
  for (let done = 0; done < runs; done += CUTS_A_TEXT) {
    const text = Array.from({ length: 1 + random.below(MAX_PARTS) }, () => part(random, samples)).join('');
    const policy = randomPolicy(random);
    const withExpressions = random.below(3) === 0;
    const detector = (): Detector => new Together([keywordDetector(WORDS), piiDetector(PII), ...(withExpressions ? [regexDetector(EXPRESSIONS)] : [])]);
    const whole = filterWhole(text, [detector()], policy);
    for (let cut = 0; cut < CUTS_A_TEXT; cut++) {
      const most = 1 + random.below(cut < 2 ? 2 : 8);
      const law = brokenLaw(text, () => 1 + random.below(most), detector(), policy, whole);
      if (law) return { runs: done + cut, violation: `${law}: ${JSON.stringify({ text, withExpressions, actions: policy.actions })}` };
    }
  }
  return { runs };
}

function part(random: Random, samples: PiiSamples): string {
  const type = random.pick(PII_TYPES);
  switch (random.below(8)) {
    case 0: return samples.valid(type);
    case 1: return samples.valid(type).slice(0, 1 + random.below(12));
    case 2: return samples.nearMiss(type);
    case 3: return samples.harmless();
    default: return random.text(SIGNS, 1 + random.below(MAX_SIGNS));
  }
}

function randomPolicy(random: Random): ReleasePolicy {
  const actions = Array.from({ length: RULES }, (_, rule): RuleAction => {
    if (random.below(6) === 0) return 'block';
    return rule < FIRST_PII_RULE && random.below(8) === 0 ? 'allow' : random.pick(['mask', 'flag'] as const);
  });
  return { actions, maxHold: MAX_HOLD, mask: (rule, text) => `<${rule}:${text.length}>` };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [runs = 1_000_000, seed = 1] = process.argv.slice(2).map(Number);
  const started = performance.now();
  const result = mixedFuzz(runs, seed);
  process.stdout.write(`${result.violation ?? 'no law was broken'}\n${result.runs} runs in ${Math.round(performance.now() - started)} ms\n`);
  if (result.violation) process.exitCode = 1;
}
