import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { piiDetector } from './pii-detector.ts';
import { PII_TYPES } from './pii-type.ts';
import { firstThatMatters, readFrom } from './plain-stretch.ts';

const RULES = PII_TYPES.map((type, rule) => ({ rule, type }));

/** Unit by unit nothing is passed over: a stretch is as long as its piece at most. */
function find(pieces: Iterable<string>): string[] {
  const detector = piiDetector(RULES);
  for (const piece of pieces) detector.push(piece);
  detector.end();
  const found: { rule: number; start: number; end: number }[] = [];
  detector.drain(found);
  return found.map(({ rule, start, end }) => `${PII_TYPES[rule]} ${start}-${end}`).sort();
}

describe('a plain stretch', () => {
  const parts = fc.constantFrom('a long row of plain words, ', '我们在这里写一些没有意义的话。', 'phone ', 'tel', ': ', '(', ' (', ') ', '+', '-', ' ', '\u200b', 'me.and.you', '@b.example', '202', ' 555', '-0143', '13812345678', '①③⑧①②③④⑤⑥⑦⑧', '𝟏𝟑𝟖𝟏𝟐𝟑𝟒𝟓𝟔𝟕𝟖', 'me﹫there.example', 'fe80', '::1', 'GB82 WEST 1234 5698 7654 32');

  it('changes nothing of what is found', () => {
    fc.assert(fc.property(fc.array(parts, { maxLength: 14 }), (some) => {
      const text = some.join('');
      expect(find([text])).toEqual(find(text));
    }), { numRuns: 1_500 });
  });

  it('is passed over up to a word before what matters, which a word before may announce', () => {
    const text = `${'plain words '.repeat(20)}call me at 2025550143`;
    const until = firstThatMatters(text, 0);
    expect(text.slice(until)).toBe('2025550143');
    const from = readFrom(text, 0, until);
    expect(from).toBeGreaterThan(100);
    expect(text.slice(from)).toContain('call me');
    expect(find([text])).toEqual(['phone 251-261']);
  });

  it.each(['①③⑧①②③④⑤⑥⑦⑧', '𝟏𝟑𝟖𝟏𝟐𝟑𝟒𝟓𝟔𝟕𝟖', '13812345678'])('is not what holds %s', (number) => {
    const plain = 'plain words '.repeat(20);
    expect(find([`${plain}${number} ${plain}`])).toEqual([`phone ${plain.length}-${plain.length + number.length}`]);
  });

  it('is read from its beginning when it is short', () => {
    expect(readFrom('call 12', 0, 5)).toBe(0);
    expect(firstThatMatters('nothing', 3)).toBe(7);
  });
});
