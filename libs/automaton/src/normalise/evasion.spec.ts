import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { Converter } from 'opencc-js';
import { PROTOTYPES } from '../../tables/confusables.ts';
import { gb2312 } from '../../tables/han.ts';
import { normalise } from './normalise.ts';

/**
 * The evasions are made from the sources (Unicode through the engine, confusables.txt, OpenCC), not from the tables
 * under test. Every case is new in every run; fast-check prints the seed of a failure.
 */
const form = (text: string) => String.fromCharCode(...normalise(text));
const every = (accept: (character: string) => boolean, until = 0x3_4000) =>
  Array.from({ length: until }, (_, code) => String.fromCodePoint(code)).filter((character) => !/\p{Cs}/u.test(character) && accept(character));

const LATIN = [...'abcdefghijklmnopqrstuvwxyz'];
const latinWord = fc.array(fc.constantFrom(...LATIN), { minLength: 2, maxLength: 14 }).map((letters) => letters.join(''));
const REGIONS = ['t', 'hk', 'tw', 'jp'] as const;
const toSimplified = Converter({ from: 't', to: 'cn' });
const regional = REGIONS.map((to) => Converter({ from: 'cn', to }));
/** Level 1 of GB 2312: the 3755 characters that a simplified text is written with. */
const COMMON_HAN = gb2312(0xb0, 0xd7);
const ALL_SIMPLIFIED = new Set(gb2312(0xb0, 0xf7));
const hanWord = fc.array(fc.constantFrom(...COMMON_HAN), { minLength: 2, maxLength: 8 }).map((characters) => characters.join(''));
const word = fc.oneof(latinWord, hanWord, fc.tuple(latinWord, hanWord).map((parts) => parts.join('')));

/** Each character of the word disguised or not, as the choice says. */
function disguised(words: fc.Arbitrary<string>, disguises: (character: string, choice: number) => string) {
  return words.chain((plain) => fc.array(fc.nat(), { minLength: plain.length, maxLength: plain.length }).map((choices) => ({
    plain, evasion: [...plain].map((character, index) => disguises(character, choices[index]!)).join(''),
  })));
}
const pick = (character: string, from: readonly string[] | undefined, choice: number) => (from === undefined || from.length === 0 ? character : from[choice % from.length]!);
/** Something that stands for nothing, before or behind each character. */
const besides = (these: readonly string[]) => disguised(word, (character, choice) => (choice % 2 === 0 ? character + pick('', these, choice >>> 1) : pick('', these, choice >>> 1) + character));

function expectSame(cases: fc.Arbitrary<{ plain: string; evasion: string }>) {
  fc.assert(fc.property(cases, ({ plain, evasion }) => { expect(form(evasion)).toBe(form(plain)); }), { numRuns: 1000 });
}

/** Letter -> the characters whose compatibility decomposition it is, in any case. */
function compatible(): Map<string, string[]> {
  const map = new Map<string, string[]>();
  for (const character of every((one) => one.normalize('NFKD') !== one)) {
    const letter = character.normalize('NFKD').replace(/\p{M}/gu, '').toLowerCase();
    if (letter.length === 1) map.set(letter, [...(map.get(letter) ?? []), character]);
  }
  return map;
}

/** Letter -> the characters with its prototype in UTS 39. The strokes that are `l` and `I` and `1` at once, and digits, are not asked for: tracks read those. */
function lookAlikes(): Map<string, string[]> {
  const sources = Object.entries(PROTOTYPES).filter(([character]) => !/[\p{Nd}\p{M}]/u.test(character) && character > '\x7f');
  const strokes = PROTOTYPES.I!;
  const asked = LATIN.filter((letter) => letter !== 'i' && letter !== strokes);
  return new Map(asked.map((letter) => {
    const prototypes = [letter, letter.toUpperCase()].map((variant) => PROTOTYPES[variant] ?? variant);
    return [letter, sources.filter(([character, prototype]) => prototypes.includes(prototype) && !NOT_ALIKE.has(character)).map(([character]) => character)];
  }));
}
/** Long s is an s and Han zero a zero, whatever they look like. */
const NOT_ALIKE = new Set('ſ〇');

describe('a disguised word is the plain word', () => {
  it('in full width', () => {
    expectSame(disguised(word, (character, choice) => (character <= '~' && choice % 3 !== 0 ? String.fromCharCode(character.charCodeAt(0) + 0xfee0) : character)));
  });

  it('in any compatibility form: circled, mathematical, superscript, accented, of another plane', () => {
    const forms = compatible();
    expect(forms.get('a')!.length).toBeGreaterThan(40);
    expectSame(disguised(word, (character, choice) => pick(character, forms.get(character), choice)));
  });

  it('with ligatures', () => {
    for (const ligature of every((character) => /^[a-z]{2,}$/.test(character.normalize('NFKD').toLowerCase()))) {
      expect(form(`x${ligature}y`)).toBe(`x${ligature.normalize('NFKD').toLowerCase()}y`);
    }
  });

  it('in boxes, as flags, in small capitals', () => {
    const boxes = [0x1f130, 0x1f150, 0x1f170, 0x1f1e6].map((first) => LATIN.map((_, index) => String.fromCodePoint(first + index)));
    const small = [...'ᴀʙᴄᴅᴇꜰɢʜɪᴊᴋʟᴍɴᴏᴘꞯʀꜱᴛᴜᴠᴡxʏᴢ'];
    expectSame(disguised(latinWord, (character, choice) => pick(character, [...boxes, small].map((row) => row[LATIN.indexOf(character)]!), choice)));
  });

  it('in mixed case', () => {
    expectSame(disguised(word, (character, choice) => (choice % 2 === 0 ? character.toUpperCase() : character)));
  });

  it('with zero-width and format characters, also those that smuggle', () => {
    const tags = 0xe0000;
    const invisible = every((character) => /[\p{Cf}\p{Default_Ignorable_Code_Point}]/u.test(character), 0xe0fff).filter((character) => character.codePointAt(0)! < tags || character.codePointAt(0)! > tags + 0x7f);
    expect(invisible).toEqual(expect.arrayContaining(['\u200b', '\u200d', '\ufeff', '\u00ad', '\u2060', '\u{e0100}', '\u3164']));
    expectSame(besides(invisible));
  });

  it('with combining marks', () => {
    expectSame(besides(every((character) => /\p{M}/u.test(character) && /\p{Script=Inherited}/u.test(character) && !'\u3099\u309a'.includes(character))));
  });

  it('with the look-alikes of UTS 39', () => {
    const alike = lookAlikes();
    expect([...alike.values()].flat().length).toBeGreaterThan(1000);
    expectSame(disguised(latinWord, (character, choice) => pick(character, alike.get(character), choice)));
  });

  it('in traditional characters, as Hong Kong, Taiwan and Japan write them', () => {
    const forms = new Map(COMMON_HAN.map((character) => {
      // What a simplified text reads as another character is that one: 連, which Japan writes also for 联.
      const ambiguous = (one: string) => toSimplified(one) !== character && ALL_SIMPLIFIED.has(toSimplified(one));
      return [character, regional.map((convert) => convert(character)).filter((one) => [...one].length === 1 && !ambiguous(one))];
    }));
    expect([...forms.values()].filter((one) => one.length > 0).length).toBeGreaterThan(1000);
    expectSame(disguised(hanWord, (character, choice) => pick(character, forms.get(character), choice)));
  });

  it('in traditional characters that a simplified text writes too', () => {
    for (const [evasion, plain] of [['正著就斜', '正着就斜'], ['你不瞭解', '你不了解'], ['著名', '着名']] as const) expect(form(evasion)).toBe(form(plain));
  });

  it('as radicals and compatibility ideographs', () => {
    const forms = compatible();
    const radicals = every((character) => character >= '⼀' && character <= '⿕');
    for (const radical of radicals) expect(form(radical)).toBe(form(radical.normalize('NFKD')));
    expect([...forms.keys()].filter((character) => COMMON_HAN.includes(character)).length).toBeGreaterThan(100);
  });

  it('in tag characters', () => {
    expectSame(disguised(latinWord, (character, choice) => (choice % 3 === 0 ? character : String.fromCodePoint(0xe0000 + character.charCodeAt(0)))));
  });

  it('with separators, that are taken away', () => {
    expectSame(besides([' ', '-', '.', '_', '*', '**', '|', '~', '·', ',', '`', "'", '/', '\\', '\u3000', '，', '。', '★', '│', '→', '•', '\n', '！', '\ue000']));
  });

  it('in decomposed Hangul and kana', () => {
    for (const character of every((one) => /^[\uac00-\ud7a3\u3041-\u30fa]$/u.test(one))) expect(form(character.normalize('NFD'))).toBe(form(character));
  });

  it.each([['🌿泥🐎', '草泥马'], ['走🐶', '走狗'], ['二✋🏽🚗', '二手车'], ['吸👁\ufe0f球', '吸眼球'], ['🈚耻', '无耻']])('with emoji for characters: %s', (evasion, plain) => {
    expect(form(evasion)).toBe(form(plain));
  });

  it('but emoji that are not read stay what they are', () => {
    expect(form('😀🍆')).toBe('😀🍆');
  });
});
