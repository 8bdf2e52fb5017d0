import { describe, expect, it } from '@jest/globals';
import { isInternationalNumber, isNationalNumber } from './numbering-plans.ts';
import { isPhone, type PhoneShape } from './phone.ts';

const shape = (text: string, cue = false): PhoneShape => ({
  digits: text.replace(/\D/g, ''),
  plus: text.startsWith('+'),
  sizes: [...text.matchAll(/\d+/g)].map(([digits]) => digits.length),
  separators: text.replace(/^[+(]+/, '').split(/\d+/).filter((separator) => separator !== '').map((separator) => (/[-.]/.exec(separator) ?? /[()]/.exec(separator) ?? ' ')[0]!),
  bracket: text.startsWith('('),
  cue,
});

describe('isPhone', () => {
  it.each([
    '13812345678', '138-1234-5678', '138 1234 5678', '+86 138 1234 5678', '008613812345678', '0086-13812345678', '86-13812345678',
    '010-62345678', '(010)62345678', '02062345678', '0755-6234-5678', '010-62345678-8001',
    '+1 (202) 555-0123', '202-555-0123', '(202) 555-0123', '202.555.0123', '202 555 0123', '001-748-088-2851', '1-202-555-0123',
    '+44 20 7946 0958', '+44 (0)20 7946 0958', '+33 6 12 34 56 78', '+49 30 901820', '0348 2102744', '02.27.96.63.08',
  ])('%s is one', (text) => {
    expect(isPhone(shape(text))).toBe(true);
  });

  it.each(['12812345678', '1381234567', '138123456789', '13-812345678', '+86 12812345678', '+999 123456789', '2025550123', '2024-10-12', '12-10-2024', '078-05-1120', '785 8949', '0306-40615-2', '101 555 0123'])('%s is none', (text) => {
    expect(isPhone(shape(text))).toBe(false);
  });

  it.each([['2025550123', true], ['785 8949', true], ['25-62-29-72', true], ['2024-10-12', false], ['078-05-1120', false], ['1 2 3 4 5 6 7', false]])('after a word that announces it, %s: %s', (text, expected) => {
    expect(isPhone(shape(text, true))).toBe(expected);
  });
});

describe('numbering plans', () => {
  it('know calling codes and the numbers under them, also those of no country', () => {
    expect(isInternationalNumber('8613812345678')).toBe(true);
    expect(isInternationalNumber('4402079460958')).toBe(true);
    expect(isInternationalNumber('80012345678')).toBe(true);
    expect(isInternationalNumber('210123456789')).toBe(false);
    expect(isNationalNumber('86', '1062345678')).toBe(true);
    expect(isNationalNumber('1', '1012345678')).toBe(false);
  });
});
