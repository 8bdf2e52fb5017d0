import { deflateRawSync, inflateRawSync } from 'node:zlib';

/** One entry a code point of the BMP. */
export const BMP = 0x1_0000;
/** Code points beyond the BMP go by pages of this many. */
export const PAGE = 0x100;
const PAGES = 0x10_0000 / PAGE;

/** Table entries that are no unit. They lie where no normal form has a unit: surrogates and the private use area. */
export const SURROGATE = 0xd800;
export const HANGUL = 0xd801;
/** From here on an entry is the number of an expansion. */
export const EXPANSION = 0xe000;
export const EXPANSIONS_LIMIT = 0xf900 - EXPANSION;

export function isExpansion(entry: number): boolean {
  return entry >= EXPANSION && entry < EXPANSION + EXPANSIONS_LIMIT;
}

/** What the normaliser knows about Unicode and about Han. */
export interface Tables {
  /** UTF-16 unit -> unit, SURROGATE, HANGUL, or EXPANSION + number. */
  readonly single: Uint16Array;
  /** (code point - 0x10000) / PAGE -> number of its page in `astral`. */
  readonly astralPage: Uint16Array;
  /** Entries as in `single`; 0 for a code point that stands for itself. */
  readonly astral: Uint16Array;
  /** Number of an expansion -> its first unit in `expansion`; one more entry marks the end of the last. */
  readonly expansionAt: Uint16Array;
  readonly expansion: Uint16Array;
  /** Unit -> number of its fuzzy toneless syllable, from 1; 0 for what is no Han character. */
  readonly syllable: Uint16Array;
  /** One bit a code point of the BMP: a letter, digit or mark of a script that puts spaces between words. */
  readonly word: Uint16Array;
}

const ORDER = ['single', 'astralPage', 'astral', 'expansionAt', 'expansion', 'syllable', 'word'] as const;

/**
 * Base64 of the deflated tables: their lengths (32 bits each), then the low bytes of all entries, then the high bytes.
 * Entries of `single` are written relative to their index, so that what stands for itself costs nothing.
 */
export function pack(tables: Tables): string {
  const arrays = ORDER.map((name) => (name === 'single' ? tables.single.map((unit, code) => unit - code) : tables[name]));
  const total = arrays.reduce((sum, array) => sum + array.length, 0);
  const head = Buffer.alloc(4 * arrays.length);
  const low = Buffer.alloc(total);
  const high = Buffer.alloc(total);
  let at = 0;
  arrays.forEach((array, index) => {
    head.writeUInt32LE(array.length, 4 * index);
    for (const entry of array) {
      low[at] = entry & 0xff;
      high[at++] = entry >>> 8;
    }
  });
  return deflateRawSync(Buffer.concat([head, low, high]), { level: 9 }).toString('base64');
}

/** The inverse of `pack`. */
export function unpack(packed: string): Tables {
  const bytes = inflateRawSync(Buffer.from(packed, 'base64'));
  const lengths = ORDER.map((_, index) => bytes.readUInt32LE(4 * index));
  const low = 4 * ORDER.length;
  const high = low + lengths.reduce((sum, length) => sum + length, 0);
  let at = 0;
  const arrays = lengths.map((length) => {
    const array = new Uint16Array(length);
    for (let index = 0; index < length; index++, at++) array[index] = bytes[low + at]! | (bytes[high + at]! << 8);
    return array;
  });
  const [single, astralPage, astral, expansionAt, expansion, syllable, word] = arrays as [
    Uint16Array, Uint16Array, Uint16Array, Uint16Array, Uint16Array, Uint16Array, Uint16Array,
  ];
  return { single: single.map((delta, code) => delta + code), astralPage, astral, expansionAt, expansion, syllable, word };
}

/** An index of pages in which every page is the same: where building begins. */
export function emptyAstralPage(): Uint16Array {
  return new Uint16Array(PAGES);
}
