import { InvalidArgumentError } from 'commander';

const NANO_DIGITS = 9;

/** The most that the platform takes for a token. */
const MAX_PRICE_NANO = 10n ** 12n;

/** An amount from the command line, in nano-units: it stays text, because numbers of a program are not exact. */
export function nanoAmount(text: string): string {
  if (!/^\d{1,18}$/.test(text)) throw new InvalidArgumentError('Give an integer of nano-units (10^-9 of the currency) of at most 18 digits, as 2500000000 for 2.50.');
  return BigInt(text).toString();
}

/** A price of a token from the command line, in nano-units. */
export function nanoPrice(text: string): string {
  if (!/^\d{1,18}$/.test(text) || BigInt(text) > MAX_PRICE_NANO) throw new InvalidArgumentError(`Give an integer of nano-units (10^-9 of the currency) a token, of at most ${MAX_PRICE_NANO}, as 2500 for 2.50 a million tokens.`);
  return BigInt(text).toString();
}

/** Nano-units for people: all digits that count, at least two behind the point, as `2.50` or `0.00000015`. */
export function inUnits(nano: string): string {
  const digits = nano.replace('-', '').padStart(NANO_DIGITS + 1, '0');
  const fraction = digits.slice(-NANO_DIGITS).replace(/0{1,7}$/, '');
  return `${nano.startsWith('-') ? '-' : ''}${digits.slice(0, -NANO_DIGITS)}.${fraction}`;
}
