import { isDigit, isLetter } from './unit-class.ts';

/** Lengths by country (SWIFT IBAN registry, release 99). */
const LENGTHS: Readonly<Record<string, number>> = {
  AD: 24, AE: 23, AL: 28, AT: 20, AZ: 28, BA: 20, BE: 16, BG: 22, BH: 22, BI: 27, BR: 29, BY: 28, CH: 21, CR: 22, CY: 28, CZ: 24, DE: 22,
  DJ: 27, DK: 18, DO: 28, EE: 20, EG: 29, ES: 24, FI: 18, FK: 18, FO: 18, FR: 27, GB: 22, GE: 22, GI: 23, GL: 18, GR: 27, GT: 28, HN: 28,
  HR: 21, HU: 28, IE: 22, IL: 23, IQ: 23, IS: 26, IT: 27, JO: 30, KW: 30, KZ: 20, LB: 28, LC: 32, LI: 21, LT: 20, LU: 20, LV: 21, LY: 25,
  MC: 27, MD: 24, ME: 22, MK: 19, MN: 20, MR: 27, MT: 31, MU: 30, NI: 28, NL: 18, NO: 15, OM: 23, PK: 24, PL: 28, PS: 29, PT: 25, QA: 29,
  RO: 24, RS: 22, RU: 33, SA: 24, SC: 31, SD: 18, SE: 24, SI: 19, SK: 24, SM: 27, SO: 23, ST: 25, SV: 28, TL: 23, TN: 24, TR: 26, UA: 29,
  VA: 22, VG: 24, XK: 20, YE: 30,
};

/** How long the number is that begins with these two letters; 0 for no country of the registry. */
export const ibanLength = (country: string): number => LENGTHS[country.toUpperCase()] ?? 0;

/** The length of the number that begins with this group of characters, 0 when none does: two letters of a country and two digits. */
export function ibanLengthFrom(group: string): number {
  if (group.length < 4 || !isLetter(group.charCodeAt(0)) || !isDigit(group.charCodeAt(2)) || !isDigit(group.charCodeAt(3))) return 0;
  return ibanLength(group.slice(0, 2));
}

const LOWEST_CHECK = 2;
const HIGHEST_CHECK = 98;

/** ISO 13616: without separators, letters of either case; the rest modulo 97 is 1 when the first four are moved to the end. */
export function isIban(text: string): boolean {
  const check = Number(text.slice(2, 4));
  if (text.length !== ibanLength(text.slice(0, 2)) || !(check >= LOWEST_CHECK && check <= HIGHEST_CHECK)) return false;
  let rest = 0;
  for (let i = 0; i < text.length; i++) {
    const value = parseInt(text.charAt((i + 4) % text.length), 36);
    if (Number.isNaN(value)) return false;
    rest = (rest * (value > 9 ? 100 : 10) + value) % 97;
  }
  return rest === 1;
}
