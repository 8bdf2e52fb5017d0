import { z } from 'zod';

/** The most that an amount may be: 18 digits are a thousand million of a currency in nano-units, and fit 64 bits. */
const AMOUNT = /^\d{1,18}$/;

/** An amount or a price from outside, in nano-units (10^-9): a string of digits, or a number as far as numbers are exact. */
export const nanoInput = z
  .unknown()
  .refine(isAmount, 'it must be an integer of nano-units, at least 0 and of at most 18 digits: as a string, or a number that is exact')
  .transform((given) => BigInt(given as string | number));

function isAmount(given: unknown): boolean {
  return typeof given === 'number' ? Number.isSafeInteger(given) && given >= 0 : typeof given === 'string' && AMOUNT.test(given);
}

/** An exact integer in JSON: as a string, because numbers there are not. */
export function exact(amount: bigint): string {
  return amount.toString();
}
