import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { Automaton } from './automaton.ts';
import { buildAutomaton } from './build-automaton.ts';
import { KeywordsRefused } from './keywords-refused.ts';
import { forEachEntry, step } from './step.ts';

const automatonOf = (keys: readonly string[]) => buildAutomaton(new Map(keys.map((key, rule) => [key, [{ rule, flags: 0 }]])));

function occurrences(automaton: Automaton, text: string): string[] {
  const found: string[] = [];
  let state = 0;
  for (let at = 0; at < text.length; at++) {
    state = step(automaton, state, text.charCodeAt(at));
    forEachEntry(automaton, state, (entry, units) => found.push(`${automaton.entryRule[entry]}@${at + 1 - units}`));
  }
  return found.sort();
}

function naive(keys: readonly string[], text: string): string[] {
  const found: string[] = [];
  for (const [rule, key] of keys.entries()) for (let at = text.indexOf(key); at >= 0; at = text.indexOf(key, at + 1)) found.push(`${rule}@${at}`);
  return found.sort();
}

describe('buildAutomaton', () => {
  it('makes what finds every key at every place, as indexOf does', () => {
    const text = fc.stringMatching(/^[abc法]{0,60}$/);
    fc.assert(fc.property(fc.uniqueArray(fc.stringMatching(/^[abc法]{1,6}$/), { maxLength: 30 }), text, (keys, where) => {
      expect(occurrences(automatonOf(keys), where)).toEqual(naive(keys, where));
    }), { numRuns: 2000 });
  });

  it('keeps the longest suffix that begins a key', () => {
    const keys = ['abcab', 'bcax', 'ca'];
    const automaton = automatonOf(keys);
    let state = 0;
    const depths = [...'abcabxbca'].map((letter) => automaton.depth[(state = step(automaton, state, letter.charCodeAt(0)))]);
    expect(depths).toEqual([1, 2, 3, 4, 5, 0, 1, 2, 3]);
  });

  it('finds its way among thousands of units and many children', () => {
    const keys = Array.from({ length: 6000 }, (_, index) => String.fromCharCode(0x4e00 + (index * 7919) % 20_000, 0x4e00 + (index * 104_729) % 20_000, 0x61 + (index % 26)));
    const unique = [...new Set(keys)];
    const automaton = automatonOf(unique);
    expect(occurrences(automaton, unique.join(''))).toHaveLength(naive(unique, unique.join('')).length);
    expect(automaton.buffer.byteLength).toBeLessThan(1_500_000);
  });

  it('takes no more units than there is room for, and says how many there are', () => {
    const entries = new Map(['abc', 'de'].map((key, rule) => [key, [{ rule, flags: 0 }]]));
    expect(occurrences(buildAutomaton(entries, 5), 'abcde')).toHaveLength(2);
    expect(() => buildAutomaton(entries, 4)).toThrow(new KeywordsRefused('with all of their forms the words have 5 characters, and there is room for 4'));
  });

  it('finds nothing without a key', () => {
    expect(occurrences(automatonOf([]), 'abc')).toEqual([]);
  });
});
