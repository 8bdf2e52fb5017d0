import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { Detector, Match } from '../detector.ts';
import { compileKeywords } from '../keywords/compile-keywords.ts';
import { keywordDetector } from '../keywords/keyword-detector.ts';
import { piiDetector } from '../pii/pii-detector.ts';
import { filterWhole } from './filter-whole.ts';
import type { ReleasePolicy, RuleAction } from './release-policy.ts';
import { ReleasingStream } from './releasing-stream.ts';
import { brokenLaw, fuzz } from './testing/fuzz.ts';

/** A detector that says that it is further than it is. */
class Hasty implements Detector {
  readonly #inner: Detector;
  #length = 0;

  constructor(inner: Detector) {
    this.#inner = inner;
  }

  push(piece: string): void {
    this.#length += piece.length;
    this.#inner.push(piece);
  }

  end(): void {
    this.#inner.end();
  }

  get frontier(): number {
    return Math.min(this.#length, this.#inner.frontier + 1);
  }

  drain(into: Match[]): void {
    this.#inner.drain(into);
  }
}

const actions: RuleAction[] = ['block', 'mask', 'mask', 'flag', 'allow'];
const policy: ReleasePolicy = { actions, maxHold: 100, mask: (rule, text) => `<${rule}:${text.length}>` };
const compiled = [
  compileKeywords([{ rule: 0, words: ['法轮功', 'bad ass'] }, { rule: 1, words: ['ass', '轮', 'fi'] }]),
  compileKeywords([{ rule: 2, words: ['轮功大', 'sass'], wholeWord: false }, { rule: 3, words: ['a'] }, { rule: 4, words: ['ass fi', '轮子'], allow: true }]),
];

describe('the laws of a stream', () => {
  it('hold in a million random runs', () => {
    expect(fuzz({ runs: 1_000_000, seed: 20_261_122 })).toEqual({ runs: 1_000_000 });
  });

  it('are seen to break when a frontier is one unit too far', () => {
    const { runs, violation } = fuzz({ runs: 100_000, seed: 1, wrap: (detector) => new Hasty(detector) });
    expect(violation).toMatch(/^SP[12]/);
    expect(runs).toBeLessThan(10_000);
  });

  it.each([
    '法-轮功大ａｓｓﬁ.', 'b4d 455 ﬁ sаss', 'x\ud83d\ude00法\ud83d轮\u200b功大', 'asss sassss as', '轮子轮-子法轮功', 'ﬁ \ud835\udc1as\u0301s ass'.slice(0, 14),
  ])('hold for every way to cut %j', (text) => {
    expect(text.length).toBeLessThanOrEqual(14);
    const whole = filterWhole(text, [keywordDetector(compiled)], policy);
    expect(whole.matches.length).toBeGreaterThan(0);
    for (let cuts = 0; cuts < 1 << (text.length - 1); cuts++) {
      let at = 0;
      const next = (): number => {
        const from = at;
        do at++; while (at < text.length && !(cuts & (1 << (at - 1))));
        return at - from;
      };
      const law = brokenLaw(text, next, keywordDetector(compiled), policy, whole);
      if (law) throw new Error(`${law} with cuts ${cuts.toString(2)}`);
    }
  });

  it('hold for choices that take turns, each under the policy that it began with', () => {
    const other: ReleasePolicy = { ...policy, actions: ['mask', 'flag', 'block', 'allow', 'mask'] };
    const pieces = fc.array(fc.tuple(fc.nat(2), fc.stringMatching(/^[as法轮功大 -]{0,4}$/)), { maxLength: 20 });
    fc.assert(fc.property(pieces, (turns) => {
      const policies = [policy, other, policy];
      const streams = policies.map((one) => new ReleasingStream([keywordDetector(compiled)], one));
      const out = ['', '', ''];
      for (const [choice, piece] of turns) out[choice] += streams[choice]!.push(piece).text;
      for (const [choice, one] of policies.entries()) {
        const text = turns.filter(([to]) => to === choice).map(([, piece]) => piece).join('');
        expect(out[choice] + streams[choice]!.end().text).toBe(filterWhole(text, [keywordDetector(compiled)], one).text);
      }
    }));
  });

  it('hold for words beside personal data', () => {
    const detectors = () => [keywordDetector(compiled), piiDetector([{ rule: 1, type: 'email' }, { rule: 2, type: 'phone' }])];
    const sign = fc.constantFrom('a', 's', '法', '轮', '功', ' ', '.', '@', 'ass@example.com', '13812345678', ', ', '1', '\ud83d');
    fc.assert(fc.property(fc.array(sign, { maxLength: 12 }), fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1 }), (signs, sizes) => {
      const text = signs.join('');
      const stream = new ReleasingStream(detectors(), policy);
      const whole = filterWhole(text, detectors(), policy).text;
      let out = '';
      for (let at = 0, turn = 0; at < text.length; turn++) {
        const size = sizes[turn % sizes.length]!;
        out += stream.push(text.slice(at, at + size)).text;
        expect(whole.startsWith(out)).toBe(true);
        at += size;
      }
      expect(out + stream.end().text).toBe(whole);
    }), { numRuns: 2000 });
  });
});
