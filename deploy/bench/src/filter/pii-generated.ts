import { maskPii, PII_TYPES, piiDetector, type Match, type PiiType } from '@sluice/automaton';
import { PiiSamples } from '@sluice/automaton/testing/pii';

/** How one type of personal data is found among what only looks like it. */
export interface PiiQuality {
  readonly type: PiiType;
  readonly cases: number;
  /** Of values that stand in a text: found with these very ends. */
  readonly recall: number;
  readonly precision: number;
  /** Of all values: their masks are no personal data any more. */
  readonly masked: number;
}

const CASES = 5_000;
const ALL = PII_TYPES.map((type, rule) => ({ rule, type }));
const AROUND: readonly (readonly [string, string])[] = [
  ['', ''], ['我的号码是', '，谢谢'], ['please note ', ' as mine'], ['(', ')'], ['x: ', '.'], ['"', '"'], ['a 5 ', ' of 20'], ['number:', '\n'], ['**', '**'], ['| ', ' |'], ['客户：', '；'], ['<td>', '</td>'],
];

/** One value or one near miss a text, all types looked for at once. */
export function generatedPii(seed: number): PiiQuality[] {
  return PII_TYPES.map((type) => {
    const samples = new PiiSamples(seed);
    const rule = PII_TYPES.indexOf(type);
    let [hits, falseHits, masked] = [0, 0, 0];
    for (let turn = 0; turn < CASES; turn++) {
      const [before, after] = samples.pick(AROUND);
      const value = samples.valid(type);
      const own = scan(before + value + after).filter((match) => match.rule === rule);
      if (own.length === 1 && own[0]!.start === before.length && own[0]!.end === before.length + value.length) hits++;
      falseHits += own.length > 1 ? own.length - 1 : 0;
      if (hides(type, value)) masked++;
      const other = turn % 3 === 0 ? samples.harmless() : samples.nearMiss(type);
      falseHits += scan(before + other + after).filter((match) => match.rule === rule).length;
    }
    return { type, cases: 2 * CASES, recall: hits / CASES, precision: hits / (hits + falseHits), masked: masked / CASES };
  });
}

/** What its mask leaves is personal data of no type. */
function hides(type: PiiType, value: string): boolean {
  const mask = maskPii(type, value);
  return mask !== value && scan(mask).length === 0;
}

function scan(text: string): Match[] {
  const detector = piiDetector(ALL);
  const found: Match[] = [];
  detector.push(text);
  detector.end();
  detector.drain(found);
  return found;
}
