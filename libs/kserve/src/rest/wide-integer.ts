/** Before the digits of an integer that a double would change. No text that stands in JSON as itself begins with it. */
const MARK = '\u0000';
/** What a double does not hold exactly has at least so many digits. */
const LONG_NUMBER = /\d{16}/;
/** Texts are stepped over as they are. */
const TEXT_OR_LONG_INTEGER = /"(?:[^"\\]|\\.)*"|(?<![\d.eE+-])-?\d{16,}(?![\d.eE])/g;

/** JSON in which integers that a double would change are texts with a mark: a parser that is asked about each value takes ten times as long. */
export function withWideIntegers(json: string): string {
  if (!LONG_NUMBER.test(json)) return json;
  return json.replace(TEXT_OR_LONG_INTEGER, (token) => (token.startsWith('"') || Number.isSafeInteger(Number(token)) ? token : JSON.stringify(`${MARK}${token}`)));
}

/** The integer that such a text stands for; undefined for everything else. */
export function wideInteger(value: unknown): bigint | undefined {
  return typeof value === 'string' && value.startsWith(MARK) && /^-?\d{16,40}$/.test(value.slice(MARK.length)) ? BigInt(value.slice(MARK.length)) : undefined;
}
