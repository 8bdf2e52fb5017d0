import { isInternationalNumber, isNationalNumber } from './numbering-plans.ts';

/** A number as it stands in the text: what its groups of digits are, and what is between them. */
export interface PhoneShape {
  /** All digits, without an extension. */
  readonly digits: string;
  readonly plus: boolean;
  readonly sizes: readonly number[];
  /** Between the groups, in order: one of `-` `.` ` ` `(` `)`, or `mixed`. */
  readonly separators: readonly string[];
  /** It begins with an opening bracket. */
  readonly bracket: boolean;
  /** A word such as `phone` or `fax` stands shortly before. */
  readonly cue: boolean;
}

const CN = '86';
const MOBILE_CN = /^1[3-9]\d{9}$/;
const LANDLINE_CN = /^0(?:10|2\d|[3-9]\d{2})[2-8]\d{6,7}$/;
const LONGEST = 15;

/** Whether it is the number of a phone: of China, of anywhere with its calling code, in the North American form, or nationally written. */
export function isPhone(shape: PhoneShape): boolean {
  const { digits } = shape;
  if (digits.length < FEWEST_AFTER_CUE || digits.length > LONGEST + 2 || isDateOrSocialNumber(shape)) return false;
  if (isMobileOfChina(shape)) return true;
  if (shape.plus) return isInternationalNumber(digits) || isNorthAmerican(shape, '1');
  if (isLandlineOfChina(shape)) return true;
  if (digits.startsWith('00')) return isInternationalNumber(digits.slice(2)) || isNorthAmerican(shape, '001');
  return isNorthAmerican(shape, '') || isNorthAmerican(shape, '1') || isWithAreaInBrackets(shape) || isNational(shape);
}

/** 3-4-4 and the other ways to write eleven digits, with 86 before it or not. */
function isMobileOfChina({ digits, sizes }: PhoneShape): boolean {
  const prefixed = /^(?:00)?86/.exec(digits)?.[0].length ?? 0;
  if (!MOBILE_CN.test(digits.slice(prefixed))) return false;
  const own = sizes[0] === prefixed ? sizes.slice(1) : [sizes[0]! - prefixed, ...sizes.slice(1)];
  return ['11', '3-4-4', '3-3-5', '4-4-3', '3-8', '7-4'].includes(own.join('-'));
}

/** Area code and seven or eight digits: in one piece, or the area apart; an extension may follow a dash. */
function isLandlineOfChina(shape: PhoneShape): boolean {
  const { digits, sizes } = shape;
  const area = /^0(?:10|2\d)/.test(digits) ? 3 : 4;
  if (sizes.length > 1 && sizes[0] !== area) return false;
  const extended = sizes.length === 3 && sizes[1]! >= 7 && shape.separators[1] === '-';
  const number = extended ? digits.slice(0, area + sizes[1]!) : digits;
  if (sizes.length > 3 || (sizes.length === 3 && !extended && sizes[2] !== 4)) return false;
  return LANDLINE_CN.test(number) && isNationalNumber(CN, number.slice(1));
}

/** Three, three and four digits, after the given prefix. With blanks between alone, or in one piece after a cue, it must be a number in use. */
function isNorthAmerican({ digits, sizes, separators, bracket, cue }: PhoneShape, prefix: string): boolean {
  if (!digits.startsWith(prefix)) return false;
  const own = digits.slice(prefix.length);
  if (own.length !== 10) return false;
  if (sizes.length === 1) return cue && isNationalNumber('1', own);
  const grouping = sizes.slice(prefix === '' ? 0 : 1).join('-');
  if (prefix !== '' && sizes[0] !== prefix.length) return false;
  if (grouping !== '3-3-4') return false;
  return bracket || separators.some((separator) => separator !== ' ') || isNationalNumber('1', own);
}

/** An area code in brackets, and two groups with a dash between, in any country: `(11) 4706-6184`. */
function isWithAreaInBrackets({ digits, sizes, separators, bracket }: PhoneShape): boolean {
  if (!bracket || sizes.length !== 3 || separators[0] !== ')' || separators[1] !== '-') return false;
  return sizes[0]! >= 2 && sizes[0]! <= 4 && sizes[1]! >= 3 && sizes[1]! <= 5 && sizes[2]! >= 3 && sizes[2]! <= 4 && digits.length >= 8;
}

const FEWEST_AFTER_CUE = 7;
const FEWEST_NATIONAL = 9;
const MOST_NATIONAL = 12;

/** With a trunk zero and one way to separate, or after a cue in any groups of two digits and more. */
function isNational({ digits, sizes, separators, bracket, cue }: PhoneShape): boolean {
  if (digits.length > MOST_NATIONAL || sizes.some((size) => size < 2)) return false;
  if (cue) return digits.length >= FEWEST_AFTER_CUE;
  const uniform = new Set(bracket ? separators.slice(1) : separators).size <= 1;
  return uniform && sizes.length > 1 && digits.startsWith('0') && digits.length >= FEWEST_NATIONAL && sizes[0]! <= 5;
}

/** Written like a date or like a US social security number, which is not a phone even after a cue. */
function isDateOrSocialNumber({ digits, sizes }: PhoneShape): boolean {
  if (sizes.length !== 3) return false;
  const grouping = sizes.join('-');
  if (grouping === '4-2-2') return /^(?:19|20)/.test(digits);
  if (grouping === '2-2-4') return /^(?:19|20)/.test(digits.slice(4));
  return grouping === '3-2-4';
}
