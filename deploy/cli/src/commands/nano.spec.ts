import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { inUnits, nanoAmount, nanoPrice } from './nano.ts';

describe('amounts on the command line', () => {
  it.each([['0', '0.00'], ['150', '0.00000015'], ['2500000000', '2.50'], ['1000000000', '1.00'], ['1234567890', '1.23456789'], ['1000000001', '1.000000001'], ['-5', '-0.000000005']])('shows %s nano-units as %s', (nano, shown) => {
    expect(inUnits(nano)).toBe(shown);
  });

  it('loses nothing', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 10n ** 18n - 1n }), (nano) => {
        const [whole, fraction] = inUnits(String(nano)).split('.') as [string, string];
        expect(BigInt(whole) * 10n ** 9n + BigInt(fraction.padEnd(9, '0'))).toBe(nano);
      }),
    );
  });

  it('of a token are prices, up to what the platform takes', () => {
    expect(['0', '2500', '0002500', '1000000000000'].map(nanoPrice)).toEqual(['0', '2500', '2500', '1000000000000']);
    for (const text of ['1000000000001', '1.5', '-1', '9'.repeat(18)]) expect(() => nanoPrice(text)).toThrow('2500 for 2.50 a million tokens');
  });

  it.each(['1.5', '-1', '', '1e9', '9'.repeat(19)])('takes no %j', (text) => expect(() => nanoAmount(text)).toThrow('nano-units'));
});
