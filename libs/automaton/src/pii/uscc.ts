import { isCnId } from './cn-id.ts';

const ALPHABET = '0123456789ABCDEFGHJKLMNPQRTUWXY';
export const USCC_LENGTH = 18;

/** A code of digits alone must look like one: any number of 18 digits passes the check once in 31 times. */
const OF_DIGITS = /^(?:1[1-59]|5[1-39]|9[1-3])[1-8]\d{15}$/;

/** Unified social credit code (GB 32100-2015): registration office, kind, area of six digits, organisation, check character modulo 31. */
export function isUscc(text: string): boolean {
  if (text.length !== USCC_LENGTH || (/^\d+$/.test(text) && !OF_DIGITS.test(text)) || isCnId(text)) return false;
  let sum = 0;
  let weight = 1;
  for (const character of text.slice(0, -1).toUpperCase()) {
    const value = ALPHABET.indexOf(character);
    if (value < 0) return false;
    sum += value * weight;
    weight = (weight * 3) % 31;
  }
  return ALPHABET[(31 - (sum % 31)) % 31] === text.charAt(17).toUpperCase();
}
