/** What stands before the apostrophe of an English contraction, by what stands behind it. A closed list: other words with an apostrophe in them are disguised. */
const BEFORE: Readonly<Record<string, string>> = {
  ll: 'i you he she it we they this that these those there here who what where when why how',
  d: 'i you he she it we they this that these those there here who what where when why how',
  re: 'you we they these those there here who what where when why how',
  ve: 'i you we they these those there who what where could might must should would',
  s: 'he she it that this there here who what where when why how let',
  m: 'i',
  t: 'ain aren can couldn didn doesn don hadn hasn haven isn mayn mightn mustn needn oughtn shan shouldn wasn weren won wouldn',
};

const CONTRACTIONS: ReadonlySet<string> = new Set(Object.entries(BEFORE).flatMap(([end, beginnings]) => beginnings.split(' ').map((beginning) => `${beginning}'${end}`)));

/** Of `shouldn't`, in UTF-16 units. */
export const LONGEST_CONTRACTION = Math.max(...[...CONTRACTIONS].map(({ length }) => length));
export const SHORTEST_CONTRACTION = Math.min(...[...CONTRACTIONS].map(({ length }) => length));

/** Whether a whole word of a text is an English contraction, such as `he'll`: with one apostrophe, ' or U+2019, and in Latin letters as they are. */
export function isContraction(word: string): boolean {
  return CONTRACTIONS.has(word.replace('\u2019', "'").toLowerCase());
}
