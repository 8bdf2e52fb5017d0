/** Digits of a word, or letters and digits, with nothing between them. */
export interface WordGroup {
  readonly text: string;
  /** Offsets in the word; `to` is exclusive and behind an extension, `from` before a plus sign. */
  readonly from: number;
  readonly to: number;
  /** The joiner between it and the group before; empty for the first. */
  readonly before: string;
  readonly plus: boolean;
  readonly extension: boolean;
}

const NUMERIC = /^(\+?)(\d+(?:[-.]\d+)*)([xX]\d{0,7})?$/;
const ALPHANUMERIC = /^[A-Za-z0-9]+(?:-[A-Za-z0-9]+)*$/;

/** Of `+86-138-1234-5678x12` and the like. An X alone at the end is the check character of an identity number, with digits it is an extension. */
export function groupsOfDigits(word: string): WordGroup[] | undefined {
  const parts = NUMERIC.exec(word);
  if (parts === null) return undefined;
  const [, sign, body, suffix = ''] = parts as unknown as [string, string, string, string | undefined];
  let index = sign.length;
  const groups = body.split(/[-.]/).map((text, i): WordGroup => {
    const from = index;
    index += text.length + 1;
    return { text, from: i === 0 ? 0 : from, to: from + text.length, before: i === 0 ? '' : word.charAt(from - 1), plus: i === 0 && sign !== '', extension: false };
  });
  const last = groups.pop()!;
  groups.push({ ...last, text: suffix.length === 1 ? `${last.text}X` : last.text, to: last.to + suffix.length, extension: suffix.length > 1 });
  return groups;
}

/** Of letters and digits in any order, with dashes between. */
export function groupsOfLetters(word: string): WordGroup[] | undefined {
  if (!ALPHANUMERIC.test(word)) return undefined;
  let index = 0;
  return word.split('-').map((text, i) => {
    const from = index;
    index += text.length + 1;
    return { text, from, to: from + text.length, before: i === 0 ? '' : '-', plus: false, extension: false };
  });
}
