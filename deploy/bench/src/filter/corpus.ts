import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

export const WORDS = 50_000;
const OVERLAY_WORDS = 5_000;
const TEXT_UNITS = 2_000_000;
const LONGEST_WORD = 40;
const HAN_FIRST = 0x4e00;
/** Characters are drawn unevenly, as in a language: the square of an even draw. */
const HAN_COMMON = 3000;
const LETTERS = 'etaoinshrdlucmfwygpbvkxqjz';

export interface Corpus {
  readonly words: readonly string[];
  readonly overlay: readonly string[];
  readonly zh: string;
  readonly en: string;
}

/** A seeded generator (mulberry32), from 0 to 1. */
export function seeded(seed: number): () => number {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let mixed = Math.imul(seed ^ (seed >>> 15), seed | 1);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000;
  };
}

/**
 * Words and texts. A folder may give real ones: `lexicon-*` folders of files with one word a line, and `*.jsonl` files
 * with a `text` in each line (`*-zh.jsonl` is Chinese, all else English). What lacks is generated, always the same.
 */
export function corpus(folder: string | undefined): Corpus {
  const random = seeded(20_261_122);
  const words = new Set<string>(folder ? lexicon(folder) : []);
  const own = [...words];
  while (words.size < WORDS + OVERLAY_WORDS) words.add(own.length > 1 ? `${part(own, random)}${part(own, random)}` : generatedWord(random));
  const all = shuffled([...words], random);
  return {
    words: all.slice(0, WORDS),
    overlay: all.slice(WORDS, WORDS + OVERLAY_WORDS),
    zh: filled(folder ? texts(folder, true) : [], () => `${hanWord(random, 4 + Math.floor(random() * 12))}，`),
    en: filled(folder ? texts(folder, false) : [], () => `${latinWord(random)} `),
  };
}

function lexicon(folder: string): string[] {
  return readdirSync(folder).filter((name) => name.startsWith('lexicon-')).flatMap((name) =>
    readdirSync(join(folder, name)).flatMap((file) => readFileSync(join(folder, name, file), 'utf8').split('\n')))
    .map((line) => line.trim()).filter((line) => line.length > 1 && line.length <= LONGEST_WORD);
}

function texts(folder: string, chinese: boolean): string[] {
  return readdirSync(folder).filter((name) => name.endsWith('.jsonl') && name.includes('-zh') === chinese).flatMap((name) =>
    readFileSync(join(folder, name), 'utf8').split('\n').filter(Boolean).map((line) => (JSON.parse(line) as { text: string }).text));
}

/** Texts one after the other, again and again, until there is enough. */
function filled(given: readonly string[], generate: () => string): string {
  const parts: string[] = [];
  let length = 0;
  for (let index = 0; length < TEXT_UNITS; index++) {
    const text = given.length > 0 ? `${given[index % given.length]!}\n` : generate();
    parts.push(text);
    length += text.length;
  }
  return parts.join('');
}

const part = (words: readonly string[], random: () => number) => words[Math.floor(random() * words.length)]!.slice(0, 2 + Math.floor(random() * 5));
const generatedWord = (random: () => number) => (random() < 0.75 ? hanWord(random, 2 + Math.floor(random() * 5)) : `${latinWord(random)}${latinWord(random)}`);
const hanWord = (random: () => number, length: number) => Array.from({ length }, () => String.fromCharCode(HAN_FIRST + Math.floor(random() ** 2 * HAN_COMMON) * 7)).join('');
const latinWord = (random: () => number) => Array.from({ length: 2 + Math.floor(random() * 7) }, () => LETTERS[Math.floor(random() ** 2 * LETTERS.length)]).join('');

function shuffled(words: string[], random: () => number): string[] {
  for (let last = words.length - 1; last > 0; last--) {
    const other = Math.floor(random() * (last + 1));
    [words[last], words[other]] = [words[other]!, words[last]!];
  }
  return words;
}
