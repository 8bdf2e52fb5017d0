import { beforeAll, describe, expect, it } from '@jest/globals';
import { normalise } from '../src/normalise/normalise.ts';
import { BMP, EXPANSION, EXPANSIONS_LIMIT, HANGUL, SURROGATE, type Tables, isExpansion, unpack } from '../src/normalise/table-layout.ts';
import { DROPPED, NOISE, SPACE } from '../src/normalise/unit-buffer.ts';
import { generate } from './generate.ts';
import { PACKED } from './packed.ts';

const ALL_PLANES_WITH_TEXT = 0x3_4000;
const committed = unpack(PACKED);

/** The normal form of every code point, found once: the laws below ask for each many times. */
const forms = Array.from({ length: ALL_PLANES_WITH_TEXT }, (_, codePoint) => String.fromCharCode(...normalise(String.fromCodePoint(codePoint))));
const form = (text: string) => Array.from(text, (character) => forms[character.codePointAt(0)!]!).join('');

/** Compared as bytes: a comparison of arrays entry by entry takes longer than generating them. */
const bytes = (tables: Tables) => Object.fromEntries(Object.entries(tables).map(([name, array]) => [name, Buffer.from((array as Uint16Array).slice().buffer).toString('base64')]));

/** The letters of an alphabet that are read as one. */
function merged(alphabet: RegExp): string[] {
  const groups = new Map<string, string>();
  for (let code = 0; code < BMP; code++) {
    const letter = String.fromCharCode(code);
    if (alphabet.test(letter)) groups.set(form(letter), (groups.get(form(letter)) ?? '') + letter);
  }
  return [...groups.values()].filter((letters) => letters.length > 1).sort();
}

describe('the committed tables', () => {
  let generated: Tables;
  beforeAll(() => { generated = generate(); });

  it('are what the generator writes now; if Node brought a new Unicode version, run tables/write.mjs', () => {
    expect(bytes(committed)).toEqual(bytes(generated));
  });

  it('have entries in the private use area and among surrogates only for what is no unit', () => {
    const known = (entry: number) => entry === SURROGATE || entry === HANGUL || (isExpansion(entry) && entry - EXPANSION < committed.expansionAt.length - 1);
    const reserved = (entry: number) => entry >= SURROGATE && entry < EXPANSION + EXPANSIONS_LIMIT;
    expect([...committed.single, ...committed.astral].filter((entry) => reserved(entry) && !known(entry))).toEqual([]);
  });

  it('expand to text alone, never to nothing', () => {
    expect([...committed.expansion].filter((unit) => unit === NOISE || unit === DROPPED || unit === SPACE || unit === 0)).toEqual([]);
    const lengths = [...committed.expansionAt].slice(1).map((until, number) => until - committed.expansionAt[number]!);
    expect(Math.min(...lengths)).toBeGreaterThan(1);
    expect(committed.expansionAt.at(-1)).toBe(committed.expansion.length);
  });

  it('stay below the size that a repository takes without a thought', () => {
    expect(PACKED.length).toBeLessThan(100_000);
  });
});

describe('the normal form', () => {
  it('is its own normal form, for every code point', () => {
    const changing: string[] = [];
    for (let codePoint = 0; codePoint < ALL_PLANES_WITH_TEXT; codePoint++) {
      const first = form(String.fromCodePoint(codePoint));
      if (form(first) !== first) changing.push(String.fromCodePoint(codePoint));
    }
    expect(changing).toEqual([]);
  });

  it('is the same for upper and lower case, but for the capitals of Greek and Warang Citi that look like other letters', () => {
    const different = new Set<string>();
    for (let codePoint = 0; codePoint < ALL_PLANES_WITH_TEXT; codePoint++) {
      const character = String.fromCodePoint(codePoint);
      for (const other of [character.toUpperCase(), character.toLowerCase()]) {
        const single = [...other].length === 1 && [...other.normalize('NFKD')].length === 1 && !/\p{M}/u.test(character);
        if (single && form(other) !== form(character)) different.add(character);
      }
    }
    expect([...different].sort().join('')).toBe('ΝΥνυ𑢤𑢼𑣄𑣜');
  });

  it('keeps letters of living alphabets apart, but for those that cannot be told apart from the same Latin letter, and for accents', () => {
    expect(merged(/[a-z0-9]/)).toEqual([]);
    expect(merged(/[\u0430-\u044f]/)).toEqual(['вь', 'ий']);
    expect(merged(/[\u03b1-\u03c9]/)).toEqual(['οςσ']);
    expect(merged(/[\u05d0-\u05ea]/)).toEqual(['ון']);
    expect(merged(/[\u0621-\u064a]/)).toEqual(['آأإا', 'ئىي', 'ؤو'].sort());
    expect(merged(/[\u0e01-\u0e3a\u0e40-\u0e4e]/)).toEqual([]);
    expect(merged(/[\u0915-\u0939]/)).toEqual([]);
    expect(merged(/[\u3041-\u3094\u30a1-\u30fa]/)).toEqual([]);
    expect(merged(/[\uac00-\ud7a3]/)).toEqual([]);
  });
});
