import { BMP } from './table-layout.ts';
import { TABLES } from './tables.ts';

/** Syllables take units of the private use area: no text has one, there they are NOISE. */
const SYLLABLE_BASE = 0xe000 - 1;
const SYLLABLE_END = 0xf900;

/** Digits and signs read as letters; what `1`, `!` mean is asked twice, once in each track. */
const LEET: Readonly<Record<string, string>> = {
  '0': 'o', '2': 'z', '3': 'e', '4': 'a', '5': 's', '6': 'g', '7': 't', '8': 'b', '9': 'g',
  '@': 'a', $: 's', '+': 't', '#': 'h', '€': 'e', '£': 'l',
};

function leet(one: 'i' | 'l'): Uint16Array {
  const track = Uint16Array.from({ length: BMP }, (_, unit) => unit);
  for (const [sign, letter] of Object.entries({ ...LEET, '1': one, '!': one })) track[sign.charCodeAt(0)] = letter.charCodeAt(0);
  return track;
}

/**
 * Other readings of a text: each maps a unit of the normal form to the unit it is read as, itself where nothing
 * applies. `pinyin` gives a Han character its toneless syllable, one unit of the private use area a syllable, with the
 * initials and finals merged that are spoken alike in large parts of China (zh/z, ch/c, sh/s, n/l/r, ng/n, hu/fu).
 */
export const TRACKS: { readonly leetI: Uint16Array; readonly leetL: Uint16Array; readonly pinyin: Uint16Array } = {
  leetI: leet('i'),
  leetL: leet('l'),
  pinyin: TABLES.syllable.map((number, unit) => (number === 0 ? unit : SYLLABLE_BASE + number)),
};

/** How many of the units are spoken as a syllable: Han characters, or units of the pinyin track. */
export function syllables(units: ArrayLike<number>): number {
  let count = 0;
  for (let index = 0; index < units.length; index++) {
    const unit = TRACKS.pinyin[units[index]!]!;
    if (unit > SYLLABLE_BASE && unit < SYLLABLE_END) count++;
  }
  return count;
}
