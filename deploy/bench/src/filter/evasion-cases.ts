import { createRequire } from 'node:module';
import { Converter } from 'opencc-js';
import { pinyin } from 'pinyin-pro';

/** From 0 to 1, exclusive. */
export type Draw = () => number;

/** A way to write a word so that who reads it knows it and a search does not. */
export interface EvasionClass {
  readonly name: string;
  /** Words that can be disguised so. */
  readonly of: 'latin' | 'han' | 'any';
  /** Undefined when this word has no such disguise. */
  readonly disguise: (word: string, draw: Draw) => string | undefined;
}

const CODE_POINTS = 0x3_4000;
const FULL_WIDTH_SHIFT = 0xfee0;
const SEPARATORS = ['-', '.', '_', '*', '|', '~', '·', ',', '/', '，', '。', '★', '•', '→'];
const SPACES = [' ', '\u3000', '\u00a0', '\n'];
const MOST_SEPARATORS = 4;
const LEET: Readonly<Record<string, string>> = { a: '4@', b: '8', e: '3', g: '96', i: '1!', l: '1', o: '0', s: '5$', t: '7+', z: '2' };

const pick = <T>(from: readonly T[], draw: Draw): T => from[Math.floor(draw() * from.length)]!;
const all = (pattern: RegExp): string[] => Array.from({ length: CODE_POINTS }, (_, code) => String.fromCodePoint(code)).filter((one) => !/\p{Cs}/u.test(one) && pattern.test(one));

const someOf = (from: readonly string[], draw: Draw): string => Array.from({ length: 1 + Math.floor(draw() * MOST_SEPARATORS) }, () => pick(from, draw)).join('');

/** Each character replaced with a chance of two thirds, at least one of them; undefined when none can be. */
function replaced(word: string, draw: Draw, forms: (character: string) => readonly string[]): string | undefined {
  const characters = [...word];
  const can = characters.flatMap((character, at) => (forms(character).length > 0 ? [at] : []));
  if (can.length === 0) return undefined;
  const sure = pick(can, draw);
  return characters.map((character, at) => (can.includes(at) && (at === sure || draw() < 2 / 3) ? pick(forms(character), draw) : character)).join('');
}

/** Something between the characters of a word, in every gap with an even chance, in one for sure. */
function parted(word: string, draw: Draw, part: () => string): string | undefined {
  const characters = [...word];
  if (characters.length < 2) return undefined;
  const sure = 1 + Math.floor(draw() * (characters.length - 1));
  return characters.map((character, at) => (at > 0 && (at === sure || draw() < 0.5) ? part() + character : character)).join('');
}

function grouped(entries: Iterable<readonly [string, string]>): Map<string, string[]> {
  const groups = new Map<string, string[]>();
  for (const [key, one] of entries) groups.set(key, [...(groups.get(key) ?? []), one]);
  return groups;
}

const compatible = grouped(all(/./u).flatMap((one): [string, string][] => {
  const plain = one.normalize('NFKD').replace(/\p{M}/gu, '');
  return plain !== one && [...plain].length === 1 ? [[plain.toLowerCase(), one]] : [];
}));

const PROTOTYPES = createRequire(import.meta.url)('unhomoglyph/data.json') as Readonly<Record<string, string>>;
const beyondAscii = Object.entries(PROTOTYPES).filter(([one]) => one > '\x7f');
/** As confusables.txt has them, none left out: all that share the prototype of one of these forms of a letter. */
const sharing = (...forms: readonly string[]): string[] => {
  const prototypes = forms.map((form) => PROTOTYPES[form] ?? form);
  return beyondAscii.filter(([, prototype]) => prototypes.includes(prototype)).map(([one]) => one);
};
/** A stroke is an l to the standard, though it is the capital of i as well: these are asked for by themselves. */
const isCapitalI = (one: string): boolean => /^[IΙІӀƖ]$/u.test(one.normalize('NFKD')) || PROTOTYPES[one.toLowerCase()] === 'i';
const strokes = sharing('I');
const alike = new Map([...'abcdefghijklmnopqrstuvwxyz'].map((letter) => [letter, letter === 'i' ? sharing('i') : sharing(letter, letter.toUpperCase()).filter((one) => !isCapitalI(one))] as const));
const isLetter = (one: string): boolean => /\p{L}/u.test(one);
const asciiAlike: ReadonlyMap<string, readonly string[]> = new Map([['l', ['I', '|']], ['m', ['rn']], ['i', ['|', 'l']], ['w', ['vv']], ['d', ['cl']]]);

const invisible = all(/[\p{Cf}\u034f\u115f\u1160\u3164\ufe00-\ufe0f]/u).filter((one) => !/[\u0600-\u0605\u06dd\u070f\u08e2\u{110bd}\u{110cd}]/u.test(one));
const marks = all(/[\u0300-\u036f\u1ab0-\u1abd\u1dc0-\u1dff\u20d0-\u20f0\ufe20-\ufe2f]/u).filter((one) => /\p{M}/u.test(one));

const toRegions = (['t', 'hk', 'tw'] as const).map((to) => Converter({ from: 'cn', to }));
const toJapanese = Converter({ from: 'cn', to: 'jp' });
const changed = (word: string, form: string): string | undefined => (form === word || [...form].length !== [...word].length ? undefined : form);

/** The 3,755 characters that a simplified text is written with: rows 16 to 55 of GB 2312. */
const COMMON_HAN = Array.from({ length: 40 }, (_, row) => Array.from({ length: 94 }, (_cell, cell) => new TextDecoder('gb18030').decode(Uint8Array.of(0xb0 + row, 0xa1 + cell)))).flat().filter((one) => /\p{Script=Han}/u.test(one));
const FUZZY: readonly (readonly [RegExp, string])[] = [[/^([zcs])h/, '$1'], [/^[nr](?=[aeiouv])/, 'l'], [/ng$/, 'n'], [/^hu$/, 'fu']];
const fuzzy = (syllable: string): string => FUZZY.reduce((so, [from, to]) => so.replace(from, to), syllable);
const spoken = (text: string): string[] => pinyin(text, { toneType: 'none', type: 'array', v: true });
const homophones = grouped(COMMON_HAN.map((one) => [spoken(one)[0]!, one]));
const fuzzyHomophones = grouped(COMMON_HAN.map((one) => [fuzzy(spoken(one)[0]!), one]));

/** Each character may become one that sounds alike; how it sounds is read in the word, not alone. */
function homophone(word: string, draw: Draw, groups: ReadonlyMap<string, readonly string[]>, key: (syllable: string) => string): string | undefined {
  const sounds = spoken(word);
  const characters = [...word];
  if (sounds.length !== characters.length) return undefined;
  const sound = new Map(characters.map((one, at) => [one, key(sounds[at]!)]));
  return replaced(word, draw, (one) => (groups.get(sound.get(one)!) ?? []).filter((other) => other !== one));
}

/** One to all of the characters as the syllables that Latin letters spell. */
const spelled = (share: number) => (word: string, draw: Draw): string | undefined => {
  const sounds = spoken(word);
  if (sounds.length !== [...word].length) return undefined;
  const sure = Math.floor(draw() * sounds.length);
  return [...word].map((one, at) => (at === sure || draw() < share ? sounds[at]! : one)).join('');
};

export const EVASIONS: readonly EvasionClass[] = [
  { name: 'full width', of: 'latin', disguise: (word, draw) => replaced(word, draw, (one) => (one > ' ' && one <= '~' ? [String.fromCharCode(one.charCodeAt(0) + FULL_WIDTH_SHIFT)] : [])) },
  { name: 'compatibility forms', of: 'any', disguise: (word, draw) => replaced(word, draw, (one) => compatible.get(one.toLowerCase()) ?? []) },
  { name: 'case', of: 'latin', disguise: (word, draw) => replaced(word, draw, (one) => (one.toUpperCase() !== one ? [one.toUpperCase()] : [])) },
  { name: 'zero width, Cf', of: 'any', disguise: (word, draw) => parted(word, draw, () => pick(invisible, draw).repeat(1 + Math.floor(draw() * 2))) },
  { name: 'combining marks', of: 'any', disguise: (word, draw) => parted(word, draw, () => pick(marks, draw) + pick(['', ...marks], draw)) },
  { name: 'UTS 39, letters', of: 'latin', disguise: (word, draw) => replaced(word, draw, (one) => alike.get(one.toLowerCase())?.filter(isLetter) ?? []) },
  { name: 'UTS 39, digits and signs', of: 'latin', disguise: (word, draw) => replaced(word, draw, (one) => alike.get(one.toLowerCase())?.filter((other) => !isLetter(other)) ?? []) },
  { name: 'traditional', of: 'han', disguise: (word, draw) => changed(word, pick(toRegions, draw)(word)) },
  { name: 'Japanese forms', of: 'han', disguise: (word) => changed(word, toJapanese(word)) },
  { name: 'separators, 1 to 4', of: 'any', disguise: (word, draw) => parted(word, draw, () => someOf(SEPARATORS, draw)) },
  { name: 'white space in Chinese words', of: 'han', disguise: (word, draw) => parted(word, draw, () => someOf([...SPACES, ...SEPARATORS], draw)) },
  { name: 'letter by letter, with white space', of: 'latin', disguise: (word, draw) => [...word].join(`${pick(['', '-', '*'], draw)}${pick(SPACES, draw)}`) },
  { name: 'white space within a word of letters', of: 'latin', disguise: (word, draw) => { const at = 1 + Math.floor(draw() * (word.length - 1)); return `${word.slice(0, at)} ${word.slice(at)}`; } },
  { name: 'leet', of: 'latin', disguise: (word, draw) => replaced(word, draw, (one) => [...(LEET[one.toLowerCase()] ?? '')]) },
  { name: 'repeats', of: 'latin', disguise: (word, draw) => replaced(word, draw, (one) => (/[a-z]/i.test(one) ? [one.repeat(2), one.repeat(3), one.repeat(5)] : [])) },
  { name: 'homophones', of: 'han', disguise: (word, draw) => homophone(word, draw, homophones, (syllable) => syllable) },
  { name: 'fuzzy homophones', of: 'han', disguise: (word, draw) => homophone(word, draw, fuzzyHomophones, fuzzy) },
  { name: 'UTS 39, l for i and I for l', of: 'latin', disguise: (word, draw) => replaced(word, draw, (one) => (one.toLowerCase() === 'i' ? strokes : one.toLowerCase() === 'l' ? strokes.filter(isCapitalI) : [])) },
  { name: 'ASCII look-alikes', of: 'latin', disguise: (word, draw) => replaced(word, draw, (one) => asciiAlike.get(one.toLowerCase()) ?? []) },
  { name: 'mixed pinyin', of: 'han', disguise: spelled(1 / 3) },
  { name: 'pinyin alone', of: 'han', disguise: spelled(1) },
];
