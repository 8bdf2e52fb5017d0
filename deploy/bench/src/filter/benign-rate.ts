import { compileKeywords, type CompiledKeywords } from '@sluice/automaton';
import { matches } from './evasion-recall.ts';
import { chineseWords, englishWords, isHan, labelled } from './word-lists.ts';

/** The share of harmless texts in which words of a list are found, from 0 to 1. */
export interface BenignRate {
  readonly texts: string;
  readonly words: string;
  /** By looking for the words themselves, in lower case; English ones between word boundaries. */
  readonly exact: number;
  /** In normal form: width, case, look-alikes, traditional, separators. */
  readonly normalised: number;
  /** As rules do: with leet, repeats and, from three syllables on, sounds. */
  readonly all: number;
}

/** Files of words that offend wherever they stand; the others of the lexicon hold everyday words as well. */
const OFFENSIVE = ['porn.txt', 'porn-types.txt', 'violence-terror.txt', 'guns-explosives.txt', 'subversion.txt'];
const DOMAIN_LIST = 'presidio-generated-large-en.jsonl';

export function benignRates(folder: string): BenignRate[] {
  const chinese = chineseWords(folder);
  const offensive = chineseWords(folder, OFFENSIVE);
  const long = (words: readonly string[]): string[] => words.filter((word) => isHan(word) && word.length >= 3);
  const lists: readonly (readonly [string, readonly string[]])[] = [['all', chinese], ['all, 3 syllables and more', long(chinese)], ['offensive', offensive], ['offensive, 3 and more', long(offensive)]];
  const texts: readonly (readonly [string, readonly string[]])[] = [
    ['CValues (zh)', labelled(folder, 'cvalues-sensitive-benign-zh.jsonl').map(({ text }) => text)],
    ['COLD, label 0 (zh)', labelled(folder, 'cold-train-zh.jsonl').filter(({ label }) => label === 0).map(({ text }) => text)],
  ];
  const english = englishWords(folder);
  return [
    ...texts.flatMap(([name, rows]) => lists.map(([list, words]) => rate(name, rows, `konsheng, ${list}`, words))),
    rate('presidio (en)', labelled(folder, DOMAIN_LIST).map(({ text }) => text), 'LDNOOBW en', english),
  ];
}

function rate(texts: string, rows: readonly string[], name: string, words: readonly string[]): BenignRate {
  const escaped = (word: string): string => word.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&');
  const boundary = (word: string): string => (/^[a-z]/i.test(word) ? `(?<![a-z0-9])${escaped(word)}(?![a-z0-9])` : escaped(word));
  const exact = new RegExp(words.map(boundary).join('|'), 'i');
  const normalised = compileKeywords([{ rule: 0, words, allow: true }]);
  const all = compileKeywords([{ rule: 0, words }]);
  const share = (hits: (text: string) => boolean): number => rows.filter(hits).length / rows.length;
  const by = (compiled: CompiledKeywords) => (text: string): boolean => matches(text, compiled).length > 0;
  return { texts: `${texts}, ${rows.length}`, words: `${name}, ${words.length}`, exact: share((text) => exact.test(text)), normalised: share(by(normalised)), all: share(by(all)) };
}
