import { describe, expect, it } from '@jest/globals';
import { groupsOfDigits, groupsOfLetters } from './word-groups.ts';

const plain = { plus: false, extension: false };

describe('the groups of a word', () => {
  it('of digits: their places, what joins them, a plus sign, an extension', () => {
    expect(groupsOfDigits('138')).toEqual([{ text: '138', from: 0, to: 3, before: '', ...plain }]);
    expect(groupsOfDigits('+1-202.555x12')).toEqual([
      { text: '1', from: 0, to: 2, before: '', plus: true, extension: false },
      { text: '202', from: 3, to: 6, before: '-', ...plain },
      { text: '555', from: 7, to: 13, before: '.', plus: false, extension: true },
    ]);
    expect(groupsOfDigits('110101-002x')).toEqual([
      { text: '110101', from: 0, to: 6, before: '', ...plain },
      { text: '002X', from: 7, to: 11, before: '-', ...plain },
    ]);
  });

  it.each(['', 'a1', '1--2', '1-', '-1', '1x2x', '1_2', '++1', '1+2', '1x12345678'])('%j has no groups of digits', (word) => {
    expect(groupsOfDigits(word)).toBeUndefined();
  });

  it('of letters and digits: dashes alone join them', () => {
    expect(groupsOfLetters('GB82-WEST')).toEqual([
      { text: 'GB82', from: 0, to: 4, before: '', ...plain },
      { text: 'WEST', from: 5, to: 9, before: '-', ...plain },
    ]);
    for (const word of ['a.b', 'a--b', 'é1', '-a', '']) expect([word, groupsOfLetters(word)]).toEqual([word, undefined]);
  });
});
