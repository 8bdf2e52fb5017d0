import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { Match } from '../detector.ts';
import { compileRegex } from './compile-regex.ts';
import { LazyAutomaton } from './lazy-automaton.ts';
import type { CompiledRegex } from './program.ts';
import { regexDetector } from './regex-detector.ts';

const PROSE = 'the plan is good and ';

/** The same expression with room for so much. */
function withRoom(pattern: string, cells: number): CompiledRegex {
  const compiled = compileRegex(pattern);
  return { ...compiled, automaton: new LazyAutomaton(compiled, cells) };
}

function scan(compiled: CompiledRegex, text: string): { found: Match[]; steps: number } {
  const detector = regexDetector([compiled]);
  detector.push(text);
  detector.end();
  const found: Match[] = [];
  detector.drain(found);
  return { found, steps: detector.steps };
}

/** The same letters for the same seed. */
function letters(length: number, seed: number): string {
  let state = seed;
  return Array.from({ length }, () => 'ab'[(state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0) >>> 31]).join('');
}

describe('the automaton of an expression', () => {
  it.each([
    ['[\\w ]{1,200}-END', PROSE],
    ['\\b[\\w ]{1,200}-END\\b', PROSE],
    ['[\\w ]{1,490}', PROSE],
    ['(a|b|[0-9]){1,60}c', 'ab'],
    ['(\\w\\w|\\w){1,160}-END', 'theplanisgoodand'],
    ['a{0,200}a{200}', 'a'],
    ['[a-z]{1,100} [a-z]{1,100} [a-z]{1,100}x', PROSE],
  ])('costs one look a character once it has seen what comes: %s', (pattern, unit) => {
    const compiled = compileRegex(pattern);
    const text = unit.repeat(Math.ceil(8_192 / unit.length));
    scan(compiled, text);
    expect(scan(compiled, text).steps).toBeLessThanOrEqual(text.length + 1);
  });

  const patterns = fc.array(fc.constantFrom('a', 'b', '[ab]', '.', '\\b', '^', '$', '(a|bb)', 'a{1,3}', '[ab]*', '(ab?)+', '\\w{2}'), { minLength: 1, maxLength: 5 }).map((parts) => `${parts.join('')}a`);
  const texts = fc.array(fc.constantFrom('a', 'b', ' ', 'aab', '\u{1f600}'), { maxLength: 60 }).map((parts) => parts.join(''));

  it('finds the same with much room, with little and with none', () => {
    fc.assert(fc.property(patterns, texts, fc.integer({ min: 0, max: 200 }), (pattern, text, cells) => {
      const [much, little] = [compileRegex(pattern), withRoom(pattern, cells)];
      // Twice: by what is remembered too, and behind a memory that was emptied.
      for (const round of [1, 2]) expect([round, pattern, text, scan(little, text).found]).toEqual([round, pattern, text, scan(much, text).found]);
    }), { numRuns: 300 });
  });

  it('does not remember without end, and is no dearer than the simulation when it cannot', () => {
    const compiled = compileRegex('[ab]*a[ab]{100}c');
    const { steps } = scan(compiled, letters(4_000, 7));
    expect(steps).toBeGreaterThan(4_000 * 10);
    expect(steps).toBeLessThan(4_000 * 2 * compiled.instructions.length);
  });

  it('forgets what is of no use, so that one text does not make all others dear', () => {
    const compiled = withRoom('[ab]*a[ab]{40}c', 16_384);
    scan(compiled, letters(20_000, 7));
    const usual = 'ab'.repeat(4_000);
    scan(compiled, usual);
    expect(scan(compiled, usual).steps).toBeLessThan(usual.length * 1.1);
  });
});
