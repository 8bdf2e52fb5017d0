import { isIPv6 } from 'node:net';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { findIpv4, isIpv4, isIpv6 } from './ip.ts';

describe('IP addresses', () => {
  it('version 4: four numbers up to 255 without leading zeros', () => {
    for (const text of ['0.0.0.0', '255.255.255.255', '10.1.22.133']) expect([text, isIpv4(text)]).toEqual([text, true]);
    for (const text of ['256.0.0.1', '1.2.3', '1.2.3.4.5', '01.2.3.4', '1.2.3.', '1..2.3']) expect([text, isIpv4(text)]).toEqual([text, false]);
  });

  it('version 4 in a word: not a part of a longer chain', () => {
    expect(findIpv4('1.2.3.4')).toEqual([[0, 7]]);
    expect(findIpv4('1.2.3.4-5.6.7.8')).toEqual([[0, 7], [8, 15]]);
    expect(findIpv4('root@1.2.3.4.')).toEqual([[5, 12]]);
    for (const word of ['1.2.3.4.5', 'v1.2.3.4', '1.2.3.4a', '1.2.3.4.a']) expect([word, findIpv4(word)]).toEqual([word, []]);
  });

  it('version 6: agrees with the platform, but asks for a digit and for more than eight pairs', () => {
    const groups = fc.array(fc.constantFrom('', '0', '1', 'fe80', 'abcd', '12345', 'g', '1.2.3.4', '::'), { minLength: 1, maxLength: 9 });
    fc.assert(fc.property(groups, (parts) => {
      const text = parts.join(':');
      expect([text, isIpv6(text)]).toEqual([text, isIPv6(text) && /\d/.test(text)]);
    }), { numRuns: 3_000 });
    expect(isIpv6('01:23:45:67:89:ab:cd:ef')).toBe(false);
    expect(isIpv6('a::b')).toBe(false);
  });
});
