import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { Detector, Match } from '../detector.ts';
import { filterWhole } from './filter-whole.ts';
import type { RuleAction } from './release-policy.ts';

const ACTIONS: RuleAction[] = ['block', 'mask', 'flag', 'allow'];
const LENGTH = 12;

const finding = (matches: readonly Match[]): Detector => ({
  push: () => undefined, end: () => undefined, frontier: LENGTH, drain: (into) => into.push(...matches),
});

/** Unit by unit, straight from the definitions. */
function naive(text: string, matches: readonly Match[]): { text: string; blockedAt: number | undefined } {
  const allowed = matches.filter(({ rule }) => ACTIONS[rule] === 'allow');
  const counted = matches.filter((one) => ACTIONS[one.rule] !== 'allow' && !allowed.some(({ start, end }) => start <= one.start && one.end <= end));
  const blockedAt = counted.filter(({ rule }) => ACTIONS[rule] === 'block').reduce<number | undefined>((least, { start }) => Math.min(least ?? start, start), undefined);
  const limit = blockedAt ?? text.length;
  // A mask that begins at the block or behind it never came to be.
  const masks = counted.filter(({ rule, start }) => ACTIONS[rule] === 'mask' && start <= limit && !(start === limit && blockedAt !== undefined));
  const covered = (at: number) => masks.some(({ start, end }) => start <= at && at < end);
  const joined = (at: number) => masks.some(({ start, end }) => start < at && at < end);
  let out = '';
  for (let at = 0; at < limit;) {
    if (!covered(at)) {
      out += text[at++];
      continue;
    }
    let end = at + 1;
    while (end < text.length && joined(end)) end++;
    if (end > limit) break;
    out += '*';
    at = end;
  }
  return { text: out, blockedAt };
}

describe('filterWhole', () => {
  it('does what the definitions of allow, block and mask say', () => {
    const match = fc.tuple(fc.nat(3), fc.nat(LENGTH - 1), fc.integer({ min: 1, max: 5 })).map(([rule, start, size]) => ({ rule, start, end: Math.min(LENGTH, start + size) }));
    fc.assert(fc.property(fc.array(match, { maxLength: 8 }), (matches) => {
      const text = 'abcdefghijkl';
      const result = filterWhole(text, [finding(matches)], { actions: ACTIONS, mask: () => '*' });
      expect({ text: result.text, blockedAt: result.blockedAt }).toEqual(naive(text, matches));
    }), { numRuns: 5000 });
  });

  it('counts no match inside of another of its rule', () => {
    const matches = [{ rule: 2, start: 1, end: 4 }, { rule: 2, start: 1, end: 6 }, { rule: 2, start: 2, end: 6 }, { rule: 0, start: 2, end: 6 }, { rule: 2, start: 5, end: 7 }];
    const result = filterWhole('abcdefgh', [finding(matches)], { actions: ['mask', 'block', 'flag'], mask: () => '*' });
    expect(result.matches.map(({ rule, text }) => `${rule}${text}`)).toEqual(['2bcdef', '0cdef', '2fg']);
  });

  it('masks what overlaps as one, in the name of the first and longest', () => {
    const matches = [{ rule: 1, start: 2, end: 4 }, { rule: 0, start: 1, end: 3 }, { rule: 1, start: 1, end: 2 }, { rule: 0, start: 4, end: 5 }];
    const result = filterWhole('abcdef', [finding(matches)], { actions: ['mask', 'mask'], mask: (rule, text) => `<${rule}${text}>` });
    expect(result.text).toBe('a<0bcd><0e>f');
    expect(result.matches.map(({ rule, text }) => `${rule}${text}`)).toEqual(['0bc', '1b', '1cd', '0e']);
  });
});
