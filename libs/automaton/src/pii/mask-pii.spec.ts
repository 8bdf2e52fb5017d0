import { describe, expect, it } from '@jest/globals';
import type { Match } from '../detector.ts';
import { maskPii } from './mask-pii.ts';
import { piiDetector } from './pii-detector.ts';
import { PII_TYPES, type PiiType } from './pii-type.ts';
import { PiiSamples } from './testing/pii-samples.ts';

const find = (text: string): Match[] => {
  const detector = piiDetector(PII_TYPES.map((type, rule) => ({ rule, type })));
  const found: Match[] = [];
  detector.push(text);
  detector.end();
  detector.drain(found);
  return found;
};

describe('maskPii', () => {
  it.each<[PiiType, string, string]>([
    ['phone', '13812345678', '138****5678'],
    ['phone', '138-1234-5678', '138-****-5678'],
    ['phone', '+86 138 1234 5678', '+86 138 **** 5678'],
    ['phone', '(202) 555-0123', '(20*) ***-0123'],
    ['phone', '785 8949', '*** **49'],
    ['email', 'john.smith@example.com', 'j***@example.com'],
    ['email', 'j@example.com', '***@example.com'],
    ['email', 'ｌｉ＠ｑｑ．ｃｏｍ', 'ｌ***＠ｑｑ．ｃｏｍ'],
    ['cn_id', '11010519491231002X', '110***********002X'],
    ['credit_card', '4111 1111 1111 1111', '**** **** **** 1111'],
    ['bank_card', '6222021234567890128', '***************0128'],
    ['iban', 'GB82 WEST 1234 5698 7654 32', 'GB** **** **** **** **54 32'],
    ['uscc', '91350100M000100Y43', '9135**********0Y43'],
    ['ip', '192.168.10.77', '192.168.*.*'],
    ['ip', '2001:db8::8a2e:370:7334', '2001:db8:*'],
  ])('%s %s becomes %s', (type, text, masked) => {
    expect(maskPii(type, text)).toBe(masked);
  });

  it.each(PII_TYPES)('%s: what it makes is of no type, alone and in a sentence, and hides four characters at least', (type) => {
    const samples = new PiiSamples(11);
    for (let i = 0; i < 400; i++) {
      const value = samples.valid(type);
      const masked = maskPii(type, value);
      for (const text of [masked, `phone ${masked} `, `是${masked}的`]) expect([text, find(text)]).toEqual([text, []]);
      if (type !== 'email' && type !== 'ip') {
        expect(masked).toHaveLength(value.length);
        expect([...masked].filter((character) => character === '*').length).toBeGreaterThanOrEqual(4);
      }
    }
  });
});
