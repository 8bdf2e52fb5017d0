import { compileKeywords, keywordDetector, type CompiledKeywords, type Match } from '@sluice/automaton';
import { EVASIONS, type Draw, type EvasionClass } from './evasion-cases.ts';
import { chineseWords, englishWords, isHan, isLatin } from './word-lists.ts';

/** How many of the disguised words of a class were found. */
export interface Recall {
  readonly name: string;
  readonly cases: number;
  readonly found: number;
  /** By looking for the word itself, in lower case. */
  readonly exact: number;
  /** A few of those that were not found: what they should be, and what they were. */
  readonly missed: readonly string[];
}

const CASES = 5_000;
const TRIES = 20 * CASES;
const KEPT = 8;
const AROUND = { latin: [['so ', ' again'], ['"', '"'], ['他说', '的'], ['', '']], han: [['请问', '是什么'], ['“', '”'], ['', ''], ['he said ', ' twice']] } as const;

/** Each class over words of both lexicons that can be disguised so; homophones by the length of the word. */
export function evasionRecalls(folder: string, draw: Draw): Recall[] {
  const latin = englishWords(folder).filter(isLatin);
  const han = chineseWords(folder).filter(isHan);
  const words = [...latin, ...han];
  // One rule a word: it must be found itself, not another word inside of it.
  const compiled = compileKeywords(words.map((word, rule) => ({ rule, words: [word] })));
  const rules = new Map(words.map((word, rule) => [word, rule]));
  const recalls: Recall[] = [];
  const measure = (evasion: EvasionClass, from: readonly string[], name = evasion.name): void => { recalls.push(recall({ ...evasion, name }, from, rules, compiled, draw)); };
  for (const evasion of EVASIONS) {
    const isSound = evasion.name.includes('homophones') || evasion.name.includes('pinyin');
    if (isSound) {
      measure(evasion, han.filter(({ length }) => length >= 3), `${evasion.name}, 3 syllables and more`);
      measure(evasion, han.filter(({ length }) => length === 2), `${evasion.name}, 2 syllables`);
    } else measure(evasion, evasion.of === 'latin' ? latin : evasion.of === 'han' ? han : words);
  }
  return recalls;
}

function recall({ name, disguise }: EvasionClass, words: readonly string[], rules: ReadonlyMap<string, number>, compiled: CompiledKeywords, draw: Draw): Recall {
  let [cases, found, exact] = [0, 0, 0];
  const missed: string[] = [];
  for (let turn = 0; turn < TRIES && cases < CASES; turn++) {
    const word = words[Math.floor(draw() * words.length)]!;
    const disguised = disguise(word, draw);
    if (disguised === undefined) continue;
    const places = AROUND[isLatin(word) ? 'latin' : 'han'];
    const [before, after] = places[Math.floor(draw() * places.length)]!;
    const text = before + disguised + after;
    const end = before.length + disguised.length;
    cases++;
    if (text.toLowerCase().includes(word.toLowerCase())) exact++;
    if (matches(text, compiled).some((match) => match.rule === rules.get(word) && match.start < end && match.end > before.length)) found++;
    else if (missed.length < KEPT) missed.push(`${word} ${JSON.stringify(text)}`);
  }
  return { name, cases, found, exact, missed };
}

/** What one set of words matches in a text. */
export function matches(text: string, compiled: CompiledKeywords): Match[] {
  const detector = keywordDetector([compiled]);
  const found: Match[] = [];
  detector.push(text);
  detector.end();
  detector.drain(found);
  return found;
}
