import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { compileRegex } from './compile-regex.ts';
import { Openings } from './openings.ts';

const PATTERNS = ['abc', 'a?b', '[ab]{2}c', 'a', 'c+', 'é.x', '\\bab', '(?:ca|b)a', '😀a', '.b', 'a$'];

const places = (openings: Openings, text: string): number[] => {
  const found: number[] = [];
  for (let at = openings.next(text, 0); at < text.length; at = openings.next(text, at + 1)) found.push(at);
  return found;
};

describe('Openings', () => {
  it('leave no place out at which a match begins', () => {
    const openings = new Openings(PATTERNS.map((pattern) => compileRegex(pattern)));
    fc.assert(fc.property(fc.array(fc.constantFrom('a', 'b', 'c', ' ', 'é', 'x', '😀', '\ud83d', '\ude00'), { maxLength: 12 }).map((parts) => parts.join('')), (text) => {
      PATTERNS.forEach((pattern, index) => {
        for (let at = 0; at < text.length; at++) {
          const sticky = new RegExp(pattern, 'uy');
          sticky.lastIndex = at;
          // Inside of a pair an expression with the flag u begins at the pair.
          const begins = sticky.test(text) && !/^[\ude00]/.test(text.slice(at)) ? 1 << index : 0;
          expect(openings.at(text, at) & begins).toBe(begins);
        }
      });
    }), { numRuns: 500 });
  });

  it('are the places where three characters fit, and no others', () => {
    const openings = new Openings([compileRegex('sk-[a-z]+'), compileRegex('system')]);
    const text = 'skip sk-abc syntax systems mask';
    expect(places(openings, text)).toEqual([5, 19, 29]);
    expect([openings.at(text, 5), openings.at(text, 19), openings.at(text, 29)]).toEqual([1, 2, 1]);
  });

  it('stay open where the text ends, or where a match may have ended', () => {
    expect(places(new Openings([compileRegex('abc')]), 'xab')).toEqual([1]);
    expect(places(new Openings([compileRegex('ab?')]), 'axx')).toEqual([0]);
    expect(places(new Openings([compileRegex('.b')]), '😀b')).toContain(0);
  });
});
