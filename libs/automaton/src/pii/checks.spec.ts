import { describe, expect, it } from '@jest/globals';
import { isBankCard, isCardGrouping, isCreditCard } from './cards.ts';
import { isCnId } from './cn-id.ts';
import { ibanLength, isIban } from './iban.ts';
import { passesLuhn } from './luhn.ts';
import { isUscc } from './uscc.ts';

const others = (text: string, alphabet: string): string[] => [...text].flatMap((old, i) => [...alphabet].filter((sign) => sign !== old).map((sign) => text.slice(0, i) + sign + text.slice(i + 1)));

describe('payment cards', () => {
  it('know the published test numbers of the networks', () => {
    for (const number of ['4111111111111111', '4012888888881881', '4222222222222', '5555555555554444', '5105105105105100', '2223003122003222', '378282246310005', '371449635398431', '6011111111111117', '30569309025904', '38520000023237', '3530111333300000']) {
      expect([number, isCreditCard(number)]).toEqual([number, true]);
    }
  });

  it('notice every single wrong digit', () => {
    for (const wrong of others('4111111111111111', '0123456789')) expect(passesLuhn(wrong)).toBe(false);
  });

  it('ask for a known issuer and its length', () => {
    expect(isCreditCard('9111111111111110')).toBe(false);
    expect(isCreditCard('0000000000000000')).toBe(false);
    expect(isBankCard('6222021234567890128')).toBe(passesLuhn('6222021234567890128'));
    expect(isBankCard('4111111111111111')).toBe(false);
    expect(isCreditCard('55555555555544')).toBe(false);
  });

  it.each([[[16], true], [[4, 4, 4, 4], true], [[4, 4, 4, 4, 3], true], [[4, 6, 5], true], [[6, 13], true], [[8, 8], true], [[3, 13], false], [[5, 5, 6], false], [[4, 4, 8], false]])('grouped as %j: %s', (sizes, expected) => {
    expect(isCardGrouping(sizes)).toBe(expected);
  });
});

describe('resident identity numbers', () => {
  it('know the example of the standard and both cases of its check character', () => {
    expect(isCnId('11010519491231002X')).toBe(true);
    expect(isCnId('11010519491231002x')).toBe(true);
    expect(isCnId('440524188001010014')).toBe(false);
  });

  it('notice every single wrong digit', () => {
    for (const wrong of others('11010519491231002X', '0123456789')) expect([wrong, isCnId(wrong)]).toEqual([wrong, false]);
  });

  it('of fifteen digits ask for area, date and sequence, and are no device number', () => {
    expect(isCnId('110105491231002')).toBe(true);
    expect(isCnId('110105491331002')).toBe(false);
    expect(isCnId('990105491231002')).toBe(false);
    expect(isCnId('110105491231000')).toBe(false);
    expect(isCnId('110105490230002')).toBe(false);
    const fujian = [...'0123456789'].map((digit) => `35010249123100${digit}`);
    expect(fujian.filter(isCnId)).toHaveLength(8);
  });
});

describe('IBAN', () => {
  it('knows examples of the registry', () => {
    for (const iban of ['GB82WEST12345698765432', 'DE89370400440532013000', 'FR1420041010050500013M02606', 'NO9386011117947', 'MT84MALT011000012345MTLCAST001S', 'SA0380000000608010167519', 'CH9300762011623852957', 'nl91abna0417164300']) {
      expect([iban, isIban(iban)]).toEqual([iban, true]);
    }
  });

  it('notices every single wrong digit', () => {
    for (const wrong of others('DE89370400440532013000', '0123456789')) expect(isIban(wrong)).toBe(false);
  });

  it('has check digits from 02 to 98, though others leave the same rest', () => {
    for (const iban of ['DE00000000000000000066', 'DE01000000000000000048', 'DE99000000000000000030']) expect([iban, isIban(iban)]).toEqual([iban, false]);
  });

  it('asks for the length of the country', () => {
    expect(ibanLength('de')).toBe(22);
    expect(ibanLength('XX')).toBe(0);
    expect(isIban('DE8937040044053201300')).toBe(false);
  });
});

describe('unified social credit codes', () => {
  it('know a published code', () => {
    expect(isUscc('91350100M000100Y43')).toBe(true);
  });

  it('notice every single wrong character', () => {
    for (const wrong of others('91350100M000100Y43', '0123456789ABCDEFGHJKLMNPQRTUWXY')) expect([wrong, isUscc(wrong)]).toEqual([wrong, false]);
  });

  it('have no letters that are read as digits', () => {
    for (const wrong of others('91350100M000100Y43', 'IOSVZ')) expect(isUscc(wrong)).toBe(false);
  });

  it('of digits alone look like one, and are no resident', () => {
    const codes = Array.from({ length: 31 }, (_, i) => `3135010012345678${String(10 + i)}`);
    expect(codes.filter(isUscc)).toEqual([]);
  });
});
