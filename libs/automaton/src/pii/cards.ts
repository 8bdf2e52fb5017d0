import { passesLuhn } from './luhn.ts';

/** Ranges of issuer numbers, both ends included, with the lengths of the numbers in use. */
type Range = readonly [from: string, to: string, lengths: readonly number[]];

const CREDIT: readonly Range[] = [
  ['34', '34', [15]], ['37', '37', [15]], // American Express
  ['300', '305', [14]], ['3095', '3095', [14]], ['36', '36', [14]], ['38', '39', [14]], // Diners Club
  ['3528', '3589', [16]], // JCB
  ['4', '4', [13, 16, 19]], // Visa
  ['2221', '2720', [16]], ['51', '55', [16]], // Mastercard
  ['6011', '6011', [16, 19]], ['644', '649', [16, 19]], ['65', '65', [16, 19]], ['622126', '622925', [16]], // Discover
  ['62', '62', [16]], // UnionPay credit cards have 16 digits
  ['5018', '5018', [16]], ['5020', '5020', [16]], ['5038', '5038', [16]], ['6304', '6304', [16]], ['6759', '6759', [16]], ['6761', '6763', [16]], // Maestro
];

/** UnionPay, and the older numbers of banks in China that carry the mark of another network or none. */
const BANK: readonly Range[] = [
  ['62', '62', [16, 17, 18, 19]],
  ['8100', '8171', [16, 17, 18, 19]],
  ['95595', '95599', [16, 18, 19]], ['955880', '955888', [16, 19]], ['95555', '95555', [16]], ['955590', '955593', [16]], // CEB, ABC, ICBC, CMB, BCM
  ['436742', '436742', [16, 19]], ['421349', '421349', [16]], ['434061', '434062', [16]], ['524094', '524094', [16]], ['526410', '526410', [16]], // CCB
  ['456351', '456351', [19]], ['601382', '601382', [19]], // BOC
  ['402658', '402658', [16]], ['410062', '410062', [16]], ['468203', '468203', [16]], ['512425', '512425', [16]], ['524011', '524011', [16]], ['690755', '690755', [16, 18]], // CMB
  ['427010', '427064', [16]], ['427028', '427039', [16]], ['438125', '438126', [16]], ['451804', '451804', [16]], ['458071', '458071', [16]], ['489734', '489736', [16]], ['510529', '510529', [16]], // ICBC
  ['405512', '405512', [17]], ['601428', '601428', [17]], ['458123', '458124', [16]], ['521899', '521899', [16]], // BCM
  ['403361', '403361', [16]], ['404117', '404121', [16]], ['463758', '463758', [16]], ['491020', '491020', [16]], ['519412', '519413', [16]], ['552599', '552599', [16]], // ABC
  ['415599', '415599', [16]], ['421393', '421393', [16]], ['421865', '421865', [16]], ['427570', '427571', [16]], ['472067', '472068', [16]], ['602907', '602907', [16]], ['603367', '603367', [18]], ['603694', '603694', [16, 19]],
  ['356390', '356390', [16]], ['356392', '356392', [16]], ['433670', '433671', [16]], ['433680', '433680', [16]], ['442729', '442730', [16]], // CITIC
  ['690', '690', [18]], ['940', '940', [16, 17, 18, 19]], ['984301', '984303', [16, 19]], ['998800', '998802', [16]],
];

function within(digits: string, ranges: readonly Range[]): boolean {
  return ranges.some(([from, to, lengths]) => {
    const issuer = digits.slice(0, from.length);
    return issuer >= from && issuer <= to && lengths.includes(digits.length);
  });
}

/** Digits alone, no separators. Every digit the same is a filler, though Luhn may pass. */
const isFiller = (digits: string): boolean => digits.slice(1) === digits.slice(0, -1);

export const isCreditCard = (digits: string): boolean => passesLuhn(digits) && within(digits, CREDIT) && !isFiller(digits);
export const isBankCard = (digits: string): boolean => passesLuhn(digits) && within(digits, BANK) && !isFiller(digits);

/** How cards are printed and typed: in one piece, in fours with a shorter rest, 4-6-5 and 4-6-4, 6 and the rest, in halves. */
export function isCardGrouping(sizes: readonly number[]): boolean {
  if (sizes.length === 1) return true;
  const rest = sizes.slice(0, -1);
  const last = sizes.at(-1)!;
  if (rest.length >= 3 && rest.every((size) => size === 4)) return last <= 4;
  if (sizes.length === 3) return sizes[0] === 4 && sizes[1] === 6 && (last === 5 || last === 4);
  return sizes.length === 2 && ((sizes[0] === 6 && last >= 8) || (sizes[0] === 8 && last >= 8));
}
