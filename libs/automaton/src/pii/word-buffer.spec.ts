import { describe, expect, it } from '@jest/globals';
import { WordBuffer } from './word-buffer.ts';

/** `x𝟏-b` from an offset on. */
function wordAt(offset: number): WordBuffer {
  const word = new WordBuffer();
  word.append(0x78, offset);
  word.appendPair(0x31, offset + 1);
  word.append(0x2d, offset + 3);
  expect(word.appendLetters('..bc!', 2, offset + 4, 4)).toBe(1);
  return word;
}

const placesOf = (word: WordBuffer): number[][] => Array.from({ length: word.length }, (_, index) => [word.start(index), word.end(index + 1)]);

describe('word buffer', () => {
  it.each([0, 7, 2 ** 31 - 100])('knows where its units stand, also those that are two of the text, from %d on', (offset) => {
    const word = wordAt(offset);
    expect(word.text()).toBe('x1-b');
    expect(placesOf(word)).toEqual([[0, 1], [1, 3], [3, 4], [4, 5]].map((place) => place.map((at) => at + offset)));
  });

  it('lets go of its beginning', () => {
    const word = wordAt(0);
    word.dropFirst(1);
    expect([word.text(), placesOf(word)]).toEqual(['1-b', [[1, 3], [3, 4], [4, 5]]]);
    word.dropFirst(1);
    expect([word.text(), placesOf(word)]).toEqual(['-b', [[3, 4], [4, 5]]]);
  });

  it('goes on from another one, which it leaves as it is', () => {
    const [one, other] = [wordAt(0), wordAt(20)];
    one.goOnFrom(other);
    one.append(0x79, 25);
    expect([one.text(), one.start(1), one.end(2)]).toEqual(['x1-by', 21, 23]);
    expect(other.text()).toBe('x1-b');
  });

  it('forgets what stood in a word before, when a unit of one stands in place of a pair', () => {
    const word = wordAt(0);
    word.length = 0;
    word.append(0x61, 1);
    expect([word.start(0), word.end(1)]).toEqual([1, 2]);
  });
});
