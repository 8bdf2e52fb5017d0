import { compileKeywords, filterWhole, keywordDetector } from '@sluice/automaton';
import { HARMLESS_CASES, type HarmlessCase } from './allow-cases.ts';
import { englishWords, isLatin } from './word-lists.ts';

/** How the harmless cases went. */
export interface AllowResult {
  readonly cases: number;
  /** Texts in which something was found all the same. */
  readonly falseHits: readonly string[];
  /** Listed words that are not found where they do stand: a set that finds nothing would pass otherwise. */
  readonly lost: readonly string[];
  /** Texts of words of letters in which a word of the whole English lexicon was found. */
  readonly lexiconHits: readonly string[];
}

export function allowCheck(folder: string): AllowResult {
  const english = compileKeywords([{ rule: 0, words: englishWords(folder).filter(isLatin) }]);
  const hits = (text: string, compiled = english): number => filterWhole(text, [keywordDetector([compiled])], { actions: ['block', 'allow'], mask: () => '*' }).matches.length;
  const own = ({ listed, allow }: HarmlessCase) => compileKeywords([{ rule: 0, words: [listed] }, ...(allow === undefined ? [] : [{ rule: 1, words: [allow], allow: true }])]);
  return {
    cases: HARMLESS_CASES.length,
    falseHits: HARMLESS_CASES.filter((one) => hits(one.text, own(one)) > 0).map(({ text }) => text),
    lost: HARMLESS_CASES.filter((one) => hits(`${one.text} ${one.listed} `, own(one)) !== 1).map(({ listed, text }) => `${listed} ${text}`),
    lexiconHits: HARMLESS_CASES.filter(({ allow, text }) => allow === undefined && hits(text) > 0).map(({ text }) => text),
  };
}
