import metadata from 'libphonenumber-js/metadata.max.json';

/** Of a country, as the metadata of libphonenumber packs it: by position, and only what is read here. */
type Plan = readonly unknown[];
const GENERAL_PATTERN = 2;
const KINDS_OF_LINES = 11;
const LONGEST_CALLING_CODE = 3;

const { country_calling_codes: countriesOf, countries, nonGeographic } = metadata as unknown as {
  country_calling_codes: Record<string, readonly string[]>;
  countries: Record<string, Plan>;
  nonGeographic: Record<string, Plan>;
};

const compiled = new Map<string, RegExp | undefined>();

function patternsOf(plan: Plan): string[] {
  const kinds = plan[KINDS_OF_LINES];
  if (!Array.isArray(kinds)) return [String(plan[GENERAL_PATTERN])];
  return kinds.flatMap((kind: unknown) => (Array.isArray(kind) && typeof kind[0] === 'string' && kind[0] !== '' ? [kind[0]] : []));
}

/** All numbers in use under a calling code, as one expression; compiled when the first number asks for it. */
function plan(callingCode: string): RegExp | undefined {
  if (compiled.has(callingCode)) return compiled.get(callingCode);
  const plans = countriesOf[callingCode]?.map((country) => countries[country]!) ?? (nonGeographic[callingCode] ? [nonGeographic[callingCode]] : []);
  const expression = plans.length === 0 ? undefined : new RegExp(`^(?:${plans.flatMap(patternsOf).join('|')})$`);
  compiled.set(callingCode, expression);
  return expression;
}

export const isNationalNumber = (callingCode: string, digits: string): boolean => plan(callingCode)?.test(digits) ?? false;

/** Calling code and national number (ITU-T E.164), digits alone. A trunk zero after the calling code, as in `+44 (0)20`, is allowed. */
export function isInternationalNumber(digits: string): boolean {
  for (let length = 1; length <= LONGEST_CALLING_CODE; length++) {
    const code = digits.slice(0, length);
    if (plan(code) === undefined) continue;
    const national = digits.slice(length);
    return isNationalNumber(code, national) || (national.startsWith('0') && isNationalNumber(code, national.slice(1)));
  }
  return false;
}
