import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { isWordUnit } from './word-unit.ts';

const is = (character: string) => isWordUnit(character.codePointAt(0)!);

describe('isWordUnit', () => {
  it.each(['a', 'Z', '0', 'é', 'ß', 'я', 'ω', 'ب', 'א', 'क', 'ि', 'Ａ', '①', '𝐚', '🄰', '𝟘'])('holds a word together: %s', (character) => {
    expect(is(character)).toBe(true);
  });

  it.each([' ', '-', '_', '.', '!', '中', '〇', 'か', 'カ', 'ー', '한', 'ㄅ', 'ก', 'ั', '😀', '\u200b', '\u0301', '\u{20000}', '\u{10ffff}', '\ue000'])('ends a word: %j', (character) => {
    expect(is(character)).toBe(false);
  });

  it('answers for every code point', () => {
    fc.assert(fc.property(fc.nat(0x10ffff), (codePoint) => {
      expect(typeof isWordUnit(codePoint)).toBe('boolean');
    }));
  });
});
