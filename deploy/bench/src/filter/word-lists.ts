import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

/** One row of a labelled set. */
export interface LabelledText {
  readonly text: string;
  readonly label: number;
}

const lines = (path: string): string[] => readFileSync(path, 'utf8').split('\n').filter((line) => line.trim() !== '');

export function labelled(folder: string, file: string): LabelledText[] {
  return lines(join(folder, file)).map((line) => JSON.parse(line) as LabelledText);
}

/** The Chinese words of the large lexicon, each once; of some of its files, or of all. */
export function chineseWords(folder: string, files: readonly string[] = readdirSync(join(folder, CHINESE))): string[] {
  return distinct(files.flatMap((file) => lines(join(folder, CHINESE, file))));
}

export function englishWords(folder: string): string[] {
  return distinct(lines(join(folder, 'lexicon-ldnoobw', 'en.txt')));
}

const CHINESE = 'lexicon-zh-konsheng';
const distinct = (words: readonly string[]): string[] => [...new Set(words.map((word) => word.trim()))].filter((word) => [...word].length > 1);

export const isLatin = (word: string): boolean => /^[a-z]{3,}$/i.test(word);
export const isHan = (word: string): boolean => /^\p{Script=Han}+$/u.test(word);
