import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { Match } from '../detector.ts';
import { compileRegex } from './compile-regex.ts';
import { MAX_HOLD, regexDetector } from './regex-detector.ts';
import { RegexRefused } from './regex-refused.ts';

type Span = readonly [start: number, end: number];

function find(patterns: readonly string[], pieces: readonly string[], { ignoreCase = false, maxHold = MAX_HOLD } = {}): Match[] {
  const detector = regexDetector(patterns.map((pattern) => compileRegex(pattern, { ignoreCase })), maxHold);
  const found: Match[] = [];
  for (const piece of pieces) detector.push(piece);
  detector.end();
  detector.drain(found);
  return found.sort((a, b) => a.start - b.start || a.rule - b.rule);
}

const spans = (pattern: string, text: string, options = {}): Span[] => find([pattern], [text], options).map(({ start, end }) => [start, end]);

/** By the platform's engine: every occurrence at every place, those that overlap made one. */
function oracle(pattern: string, text: string, ignoreCase = false): Span[] {
  const places = [...text].reduce<number[]>((all, character) => [...all, all.at(-1)! + character.length], [0]);
  const found: [number, number][] = [];
  for (let end = 1; end < places.length; end++) {
    for (let start = 0; start < end; start++) {
      const occurs = new RegExp(`(?<=^[^]{${start}})(?:${pattern})(?=[^]{${places.length - 1 - end}}$)`, ignoreCase ? 'iu' : 'u').test(text);
      if (!occurs) continue;
      const span: [number, number] = [places[start]!, places[end]!];
      while (found.length > 0 && found.at(-1)![1] > span[0]) {
        const last = found.pop()!;
        span[0] = Math.min(span[0], last[0]);
        span[1] = Math.max(span[1], last[1]);
      }
      found.push(span);
    }
  }
  return found;
}

const atoms = fc.constantFrom('a', 'b', 'A', '1', '中', '😀', '.', '\\d', '\\w', '\\s', '[ab]', '[^a]', '[a-c1]', '\\p{L}', '\\P{Lu}', '\\W');
const LONGEST = 30;
const { pattern: anyPatterns } = fc.letrec<{ pattern: string; part: string; piece: string }>((tie) => ({
  pattern: fc.array(tie('part'), { minLength: 1, maxLength: 3 }).map((parts) => parts.join('|')),
  part: fc.array(tie('piece'), { minLength: 1, maxLength: 4 }).map((pieces) => pieces.join('')),
  piece: fc.oneof(
    { maxDepth: 2, withCrossShrink: true },
    atoms,
    fc.constantFrom('\\b', '\\B', '^', '$'),
    fc.tuple(atoms, fc.constantFrom('?', '*', '+', '{2}', '{1,3}', '{2,}', '{0}')).map((both) => both.join('')),
    fc.tuple(tie('pattern'), fc.constantFrom('', '?', '*', '+', '{1,2}')).map(([inner, count]) => `(${inner})${count}`),
  ),
}));
const patterns = anyPatterns.filter((pattern) => pattern.length <= LONGEST);
const texts = fc.array(fc.constantFrom('a', 'b', 'A', '1', '2', ' ', '中', '😀', '\n', 'ſ', '\ud83d'), { maxLength: 6 }).map((parts) => parts.join(''));

function isTaken(pattern: string): boolean {
  try {
    compileRegex(pattern);
    return true;
  } catch (error) {
    if (error instanceof RegexRefused && error.kind === 'matches_empty') return false;
    throw error;
  }
}

describe('what is found', () => {
  it('is what the platform finds, for expressions and texts by chance', () => {
    let compared = 0;
    fc.assert(fc.property(patterns, texts, fc.boolean(), (pattern, text, ignoreCase) => {
      fc.pre(isTaken(pattern));
      compared++;
      expect([pattern, text, spans(pattern, text, { ignoreCase })]).toEqual([pattern, text, oracle(pattern, text, ignoreCase)]);
    }), { numRuns: 600 });
    expect(compared).toBe(600);
  });

  it('refuses as empty just what matches the empty text', () => {
    fc.assert(fc.property(patterns, (pattern) => {
      // An assertion may hold or not: the platform is asked about the expression without them.
      const free = pattern.replace(/\\[bB]|[$]|(?<!\[)\^/g, '(?:)');
      expect([pattern, isTaken(pattern)]).toEqual([pattern, !new RegExp(`^(?:${free})$`, 'u').test('')]);
    }), { numRuns: 500 });
  });

  it.each<[string, string, Span[]]>([
    ['\\d\\d', 'a1234b5', [[1, 5]]],
    ['ab|bc', 'abcab', [[0, 3], [3, 5]]],
    ['foo\\d+', 'foo1 foo22', [[0, 4], [5, 10]]],
    ['\\bcat\\b', 'cat concat cats cat', [[0, 3], [16, 19]]],
    ['^ab', 'abab', [[0, 2]]],
    ['ab$', 'abab', [[2, 4]]],
    ['a.c', 'a\nc a😀c', [[4, 8]]],
    ['员工\\d{4}', '员工1234、员工12345', [[0, 6], [7, 13]]],
  ])('%s in %j', (pattern, text, expected) => {
    expect(spans(pattern, text)).toEqual(expected);
  });

  it('ignores case when asked to', () => {
    expect(spans('secret', 'SeCrEt')).toEqual([]);
    expect(spans('secret', 'SeCrEt', { ignoreCase: true })).toEqual([[0, 6]]);
    expect(spans('straße', 'STRAẞE', { ignoreCase: true })).toEqual([[0, 6]]);
  });

  it('tells several expressions apart', () => {
    expect(find(['a+', 'b', 'ab'], ['xaab'])).toEqual([
      { rule: 0, start: 1, end: 3 }, { rule: 2, start: 2, end: 4 }, { rule: 1, start: 3, end: 4 },
    ]);
    expect(find([], ['text'])).toEqual([]);
  });
});

describe('the stream', () => {
  const fewPatterns = fc.array(patterns.filter(isTaken), { minLength: 1, maxLength: 3 });

  it('gives the same for every way to cut the text, also with little to hold', () => {
    fc.assert(fc.property(fewPatterns, texts, fc.integer({ min: 1, max: 6 }), (some, text, maxHold) => {
      const whole = find(some, [text], { maxHold });
      for (let mask = 0; mask < 2 ** Math.max(0, text.length - 1); mask += 1 + (mask % 3)) {
        const pieces = [''];
        for (let i = 0; i < text.length; i++) {
          pieces[pieces.length - 1] += text.charAt(i);
          if ((mask >> i) & 1) pieces.push('');
        }
        expect(find(some, pieces, { maxHold })).toEqual(whole);
      }
    }), { numRuns: 80 });
  });

  it('never reports a match that begins before the frontier it has shown, and never holds more than it may', () => {
    fc.assert(fc.property(fewPatterns, fc.array(texts, { maxLength: 4 }), fc.integer({ min: 2, max: 20 }), (some, parts, maxHold) => {
      const text = parts.join('');
      const detector = regexDetector(some.map((pattern) => compileRegex(pattern)), maxHold);
      let shown = 0;
      for (let i = 0; i <= text.length; i++) {
        if (i < text.length) detector.push(text.charAt(i));
        else detector.end();
        const found: Match[] = [];
        detector.drain(found);
        for (const match of found) expect(match.start).toBeGreaterThanOrEqual(shown);
        expect(detector.frontier).toBeGreaterThanOrEqual(shown);
        shown = detector.frontier;
        expect(Math.min(i + 1, text.length) - shown).toBeLessThanOrEqual(maxHold + 1);
      }
      expect(shown).toBe(text.length);
    }), { numRuns: 200 });
  });

  it('holds only what may still be a match', () => {
    const detector = regexDetector([compileRegex('code-\\d{4}')]);
    const held: number[] = [];
    for (const character of 'a code-12 code-1234.') {
      detector.push(character);
      held.push(detector.frontier);
    }
    expect(held).toEqual([1, 2, 2, 2, 2, 2, 2, 2, 2, 10, 10, 10, 10, 10, 10, 10, 10, 10, 19, 20]);
  });

  it('takes for a match what would be held too long', () => {
    expect(spans('BEGIN.*END', `xBEGIN${'y'.repeat(30)}`, { maxHold: 16 })).toEqual([[1, 18]]);
    expect(spans('BEGIN.*END', 'xBEGIN yyy END', { maxHold: 16 })).toEqual([[1, 14]]);
    expect(spans('BEGIN.*END', 'xBEGIN yyy', { maxHold: 16 })).toEqual([]);
  });
});

describe('cost', () => {
  const cost = (pattern: string, text: string): number => {
    const detector = regexDetector([compileRegex(pattern)], text.length + 1);
    detector.push(text);
    detector.end();
    return detector.steps;
  };

  it.each([
    ['(a+)+$', 'a', '!'], ['(a|aa)+$', 'a', '!'], ['(a|a?)+b', 'a', ''], ['.*.*=.*', 'x', ''], ['(.*a){12}', 'a', ''], ['([a-z]+)*\\d', 'z', ''], ['(\\w+\\s?)+x$', 'ab ', '!'],
    ['((a{1,5}){1,5}){1,5}b', 'a', ''], ['^(([a-z])+.)+[A-Z]([a-z])+$', 'a', ''], ['(x+x+)+y', 'x', ''], ['a{0,200}a{200}', 'a', ''],
  ])('of %s grows with the length of the text, not faster', (pattern, unit, tail) => {
    const [once, twice] = [1_000, 2_000].map((length) => cost(pattern, unit.repeat(length) + tail)) as [number, number];
    expect(twice / once).toBeLessThan(2.3);
    expect(twice).toBeLessThanOrEqual(3 * 2_001 * 3 * compileRegex(pattern).instructions.length);
  });

  it('is nothing for characters that no match begins with', () => {
    expect(cost('员工\\d+', 'plain text without any of it, '.repeat(50))).toBe(0);
  });
});
