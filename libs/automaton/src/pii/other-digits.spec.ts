import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { Match } from '../detector.ts';
import { DECIMAL_ZEROS } from './decimal-zeros.ts';
import { maskPii } from './mask-pii.ts';
import { piiDetector } from './pii-detector.ts';
import { PII_TYPES } from './pii-type.ts';

const RULES = PII_TYPES.map((type, rule) => ({ rule, type }));

/** Every zero of Unicode that is a decimal digit, found by the general category alone. */
const ZEROS = Array.from({ length: 0x20000 }, (_, code) => code).filter((code) => /^\p{Nd}$/u.test(String.fromCodePoint(code)))
  .filter((_, index) => index % 10 === 0);
const SAMPLES = ['card 4111 1111 1111 1111 x', 'call 13812345678 now', 'at 192.168.1.10, there', 'id 11010519491231002X.', 'IBAN DE89370400440532013000 ', 'IBAN DE89 3704 0044 0532 0130 00', 'to j12@example.com'];

const inDigits = (text: string, zero: (index: number) => number): string => [...text].map((sign, index) => (/[0-9]/.test(sign) ? String.fromCodePoint(zero(index) + Number(sign)) : sign)).join('');

/** What is found, and that no match begins before what the frontier has let go. */
function find(pieces: Iterable<string>): Match[] {
  const detector = piiDetector(RULES);
  const matches: Match[] = [];
  let released = 0;
  const drain = (): void => {
    const found: Match[] = [];
    detector.drain(found);
    for (const { start } of found) expect(start).toBeGreaterThanOrEqual(released);
    expect(detector.frontier).toBeGreaterThanOrEqual(released);
    released = detector.frontier;
    matches.push(...found);
  };
  for (const piece of pieces) {
    detector.push(piece);
    drain();
  }
  detector.end();
  drain();
  return matches.sort((a, b) => a.start - b.start || a.rule - b.rule);
}

/** Where the same characters lie when the digits are others. */
function moved(matches: readonly Match[], ascii: string, text: string): Match[] {
  const offsets = [0];
  for (const sign of text) offsets.push(offsets.at(-1)! + sign.length);
  expect([...text]).toHaveLength(ascii.length);
  return matches.map(({ rule, start, end }) => ({ rule, start: offsets[start]!, end: offsets[end]! }));
}

describe('digits of other scripts', () => {
  it('are read by their value, each where it stands', () => {
    expect(['0'.charCodeAt(0), ...DECIMAL_ZEROS]).toEqual(ZEROS);
    for (const zero of ZEROS) {
      for (const sample of SAMPLES) {
        const text = inDigits(sample, () => zero);
        const expected = moved(find([sample]), sample, text);
        expect(expected).not.toHaveLength(0);
        expect({ text, found: find([text]) }).toEqual({ text, found: expected });
      }
    }
  });

  it('are read alike however they are mixed, and wherever the text is cut', () => {
    const zeros = fc.array(fc.constantFrom(0x30, 0x660, 0xff10, 0x1d7ce, 0x1d7f6, 0x1fbf0, 0x104a0), { minLength: 40, maxLength: 40 });
    fc.assert(fc.property(fc.constantFrom(...SAMPLES), zeros, fc.constantFrom('', '🤔', '🤔 ', 'abc ', '\ud835'), fc.nat(80), (sample, some, before, cut) => {
      const text = before + inDigits(sample, (index) => some[index % some.length]!);
      const expected = moved(find([sample]), sample, text.slice(before.length)).map(({ rule, start, end }) => ({ rule, start: start + before.length, end: end + before.length }));
      expect(find([text])).toEqual(expected);
      expect(find([text.slice(0, cut), text.slice(cut)])).toEqual(expected);
      expect(find(text.split(''))).toEqual(expected);
    }), { numRuns: 500 });
  });

  it('are those of compatibility forms, too', () => {
    for (const text of ['④①①① ①①①① ①①①① ①①①①', '⁴¹¹¹ ¹¹¹¹ ¹¹¹¹ ¹¹¹¹', '₄₁₁₁ ₁₁₁₁ ₁₁₁₁ ₁₁₁₁', '４１１１ １１１１ １１１１ １１１１']) {
      expect({ text, found: find([text]).map(({ rule, start, end }) => [RULES[rule]!.type, start, end]) }).toEqual({ text, found: [['credit_card', 0, text.length]] });
    }
    for (const text of ['④①①① ①①①① ①①①① ①①①②', '⑩⑪ ½ 🤔 \ud835 \ud835a', '𝟒']) expect(find([text])).toEqual([]);
  });

  it('are masked by the character', () => {
    expect(maskPii('phone', '𝟏𝟑𝟖𝟏𝟐𝟑𝟒𝟓𝟔𝟕𝟖')).toBe('𝟏𝟑𝟖****𝟓𝟔𝟕𝟖');
    expect(maskPii('credit_card', '𝟒𝟏𝟏𝟏 𝟏𝟏𝟏𝟏 𝟏𝟏𝟏𝟏 𝟏𝟏𝟏𝟏')).toBe('**** **** **** 𝟏𝟏𝟏𝟏');
    expect(maskPii('email', '𝟏𝟐@example.com')).toBe('𝟏***@example.com');
    expect(maskPii('email', '𝟏@example.com')).toBe('***@example.com');
  });
});
