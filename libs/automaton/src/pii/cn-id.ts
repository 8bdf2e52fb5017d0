import { passesLuhn } from './luhn.ts';

const WEIGHTS = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
const CHECKS = '10X98765432';

/** The provinces (GB/T 2260), with the last number of their prefectures that are cities; 21 to 34 are those that are regions. */
const PROVINCES: Readonly<Record<string, number>> = {
  11: 2, 12: 2, 13: 11, 14: 11, 15: 9, 21: 14, 22: 8, 23: 12, 31: 2, 32: 13, 33: 11, 34: 18, 35: 10, 36: 11, 37: 17,
  41: 18, 42: 13, 43: 13, 44: 20, 45: 14, 46: 4, 50: 3, 51: 20, 52: 6, 53: 9, 54: 6, 61: 10, 62: 12, 63: 2, 64: 5, 65: 5,
  71: 0, 81: 0, 82: 0, 83: 0,
};
/** Cities of Guangdong and the regions, leagues and prefectures, also those that have become cities since the first cards. */
const REGION_FIRST = 21;
const REGION_LAST = 43;
const COUNTY_CITIES = 90;
const MUNICIPALITIES = new Set(['11', '12', '31', '50']);

function isArea(text: string): boolean {
  const province = text.slice(0, 2);
  const lastCity = PROVINCES[province];
  if (lastCity === undefined) return false;
  const prefecture = Number(text.slice(2, 4));
  const county = Number(text.slice(4, 6));
  if (lastCity === 0) return prefecture === 0 && county === 0;
  if (county === 0) return false;
  if (prefecture >= 1 && prefecture <= lastCity) return true;
  if (MUNICIPALITIES.has(province)) return false;
  return prefecture === COUNTY_CITIES || (prefecture >= REGION_FIRST && prefecture <= REGION_LAST) || (province === '44' && prefecture >= 51 && prefecture <= 53);
}

function isDate(year: number, month: number, day: number): boolean {
  if (month < 1 || month > 12 || day < 1) return false;
  return day <= new Date(Date.UTC(year, month, 0)).getUTCDate();
}

const FIRST_YEAR = 1900;
const LAST_YEAR = 2050;

/** Resident identity number (GB 11643-1999): area, date of birth, sequence, check character modulo 11. */
export function isCnId(text: string): boolean {
  if (text.length === 15) return isLegacyCnId(text);
  if (text.length !== 18) return false;
  const year = Number(text.slice(6, 10));
  if (year < FIRST_YEAR || year > LAST_YEAR || !isDate(year, Number(text.slice(10, 12)), Number(text.slice(12, 14)))) return false;
  let sum = 0;
  for (let i = 0; i < 17; i++) sum += (text.charCodeAt(i) - 48) * WEIGHTS[i]!;
  return CHECKS[sum % 11] === text.charAt(17).toUpperCase() && isArea(text);
}

/** TAC numbers of mobile devices begin so; with Luhn's check it is a device (IMEI) rather than a resident of Fujian. */
const IMEI_PREFIX = '35';

/** Numbers from before 1999: the year has two digits and nothing checks, so that area, date and a sequence that is not zero must do. */
function isLegacyCnId(text: string): boolean {
  if (!/^\d{15}$/.test(text) || text.endsWith('000')) return false;
  if (!isDate(FIRST_YEAR + Number(text.slice(6, 8)), Number(text.slice(8, 10)), Number(text.slice(10, 12)))) return false;
  return isArea(text) && !(text.startsWith(IMEI_PREFIX) && passesLuhn(text));
}
