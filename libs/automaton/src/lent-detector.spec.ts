import { describe, expect, it } from '@jest/globals';
import type { Detector, Match } from './detector.ts';
import { compileKeywords } from './keywords/compile-keywords.ts';
import { keywordDetector } from './keywords/keyword-detector.ts';
import { SpareDetectors, type LentDetector, type ReusableDetector } from './lent-detector.ts';
import { piiDetector } from './pii/pii-detector.ts';
import { PII_TYPES } from './pii/pii-type.ts';
import { PiiSamples } from './pii/testing/pii-samples.ts';
import { compileRegex } from './regex/compile-regex.ts';
import { regexDetector } from './regex/regex-detector.ts';
import { Random } from './stream/testing/random.ts';

const TEXTS = 4_000;
/** What leaves something open where a text ends: words begun, signs and repeats, half pairs, numbers and what announces them, contractions, marks. */
const SIGNS = [
  'a', 'a', 's', 'ss', 'bad', 'ba', 'd', '4', '5', '$', '法', '轮', '功', '发', '伦', '攻', ' ', ' ', '-', '.', "he'll", "'", 'll', 'hell', '\u200b', '\ud83d', '\ude00', 'é',
  'tel', 'phone ', '电话', '138', '1234', '5678', '4111 ', '1111', '+1', '(', ')', '@', 'x@y.z', '.com', ':', 'fe80::', 'GB82', '0', '７', '𝟏', '𝟑𝟖', '①', '③8', '¹', '𝐣',
];
const WORDS = [
  compileKeywords([{ rule: 0, words: ['法轮功', 'bad ass', 'as', 'hell'] }, { rule: 1, words: ['ass', '轮', '138'] }]),
  compileKeywords([{ rule: 2, words: ['a@b', 's 1'], wholeWord: false }]),
];
const PII = PII_TYPES.map((type, rule) => ({ rule, type }));
const EXPRESSIONS = ['[0-9]{3,6}a', 'b+1', '\\b1.{0,4}8\\b', '^a', 's$'].map((pattern) => compileRegex(pattern));

/** From one list, or from one that nobody used before. */
const KINDS: Readonly<Record<string, (anew: boolean) => Detector>> = {
  words: (anew) => keywordDetector(anew ? [...WORDS] : WORDS),
  'personal data': (anew) => piiDetector(anew ? [...PII] : PII),
  expressions: (anew) => regexDetector(anew ? [...EXPRESSIONS] : EXPRESSIONS),
};

/** Takes pieces one by one, so that two texts can be looked at by turns. */
function* looked(pieces: readonly string[], open: (anew: boolean) => Detector, anew: boolean): Generator<unknown, void> {
  const detector = open(anew);
  const told: Match[] = [];
  for (const piece of pieces) {
    detector.push(piece);
    detector.drain(told);
    yield [detector.frontier, [...told]];
  }
  detector.end();
  detector.drain(told);
  yield [detector.frontier, [...told]];
}

describe('a detector that is used again', () => {
  it.each(Object.entries(KINDS))('tells of %s in one text after the other, and in two at once, what a new one tells', (_, open) => {
    const random = new Random(20_261_123);
    const samples = new PiiSamples(7);
    const pieces = (): string[] => Array.from({ length: 1 + random.below(4) }, () => (random.below(4) === 0 ? samples.valid(random.pick(PII_TYPES)) : random.text(SIGNS, 1 + random.below(8))));
    for (let done = 0; done < TEXTS; done += 2) {
      const texts = [pieces(), pieces()];
      const running = texts.map((text) => [looked(text, open, false), looked(text, open, true)] as const);
      // Some texts are left before their end.
      const turns = random.below(8) === 0 ? 1 : Infinity;
      for (let turn = 0, isOver = false; turn < turns && !isOver; turn++) {
        isOver = true;
        for (const [used, fresh] of running) {
          const told = used.next();
          const wanted = fresh.next();
          if (JSON.stringify(told) !== JSON.stringify(wanted)) expect({ texts, told }).toEqual({ texts, told: wanted });
          isOver &&= told.done === true;
        }
      }
    }
  });
});

describe('SpareDetectors', () => {
  const counting = () => {
    const made: { resets: number }[] = [];
    const spare = new SpareDetectors((): ReusableDetector => {
      const one = { resets: 0, frontier: 0, push: () => undefined, end: () => undefined, drain: () => undefined, reset: () => void one.resets++ };
      made.push(one);
      return one;
    });
    return { made, spare };
  };
  const over = (lent: LentDetector): void => {
    lent.end();
    lent.drain([]);
  };

  it('lends one to one text at a time, and again when that is over and was told of', () => {
    const { made, spare } = counting();
    const rules = {};
    const first = spare.lend(rules);
    first.end();
    const second = spare.lend(rules);
    expect(made).toHaveLength(2);
    first.drain([]);
    over(second);
    first.drain([]);
    [spare.lend(rules), spare.lend(rules), spare.lend(rules)].forEach(over);
    expect(made.map(({ resets }) => resets)).toEqual([2, 2, 1]);
    over(spare.lend({}));
    expect(made).toHaveLength(4);
  });

  it('looks at nothing more when its text is over', () => {
    const { spare } = counting();
    const lent = spare.lend({});
    over(lent);
    expect(() => lent.push('a')).toThrow(RangeError);
    expect(() => lent.end()).toThrow(RangeError);
  });

  it('keeps no more than were in use lately', () => {
    const { made, spare } = counting();
    const rules = {};
    Array.from({ length: 40 }, () => spare.lend(rules)).forEach(over);
    Array.from({ length: 40 }, () => spare.lend(rules));
    expect(made).toHaveLength(64);
  });
});
