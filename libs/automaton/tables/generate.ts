import { BMP, EXPANSION, EXPANSIONS_LIMIT, HANGUL, PAGE, SURROGATE, emptyAstralPage, type Tables } from '../src/normalise/table-layout.ts';
import { isHan, isWordCharacter } from './code-points.ts';
import { fuzzySyllable } from './han.ts';
import { normalForm } from './normal-form.ts';

/** Code points beyond the BMP, last excluded, that have an entry of their own; between them nothing is assigned. */
const ASTRAL_RANGES = [[0x1_0000, 0x3_4000], [0xe_0000, 0xe_1000]] as const;
const FIRST_HANGUL_SYLLABLE = 0xac00;
const LAST_HANGUL_SYLLABLE = 0xd7a3;

/** Numbers texts by their first appearance. */
class Expansions {
  readonly #numbers = new Map<string, number>();

  /** The entry for a normal form: its only unit, or the number of its expansion. */
  entry(codePoints: readonly number[]): number {
    const text = String.fromCodePoint(...codePoints);
    if (text.length === 1) return text.charCodeAt(0);
    const number = this.#numbers.get(text) ?? this.#numbers.size;
    if (number >= EXPANSIONS_LIMIT) throw new Error(`more than ${EXPANSIONS_LIMIT} expansions`);
    this.#numbers.set(text, number);
    return EXPANSION + number;
  }

  tables(): Pick<Tables, 'expansionAt' | 'expansion'> {
    const texts = [...this.#numbers.keys()];
    const expansionAt = new Uint16Array(texts.length + 1);
    texts.forEach((text, number) => { expansionAt[number + 1] = expansionAt[number]! + text.length; });
    const all = texts.join('');
    return { expansionAt, expansion: Uint16Array.from({ length: all.length }, (_, at) => all.charCodeAt(at)) };
  }
}

function bmp(expansions: Expansions): Uint16Array {
  return Uint16Array.from({ length: BMP }, (_, code) => {
    if (code >= 0xd800 && code <= 0xdfff) return SURROGATE;
    if (code >= FIRST_HANGUL_SYLLABLE && code <= LAST_HANGUL_SYLLABLE) return HANGUL;
    return expansions.entry(normalForm(code));
  });
}

/** Pages beyond the BMP; equal pages are kept once. */
function astral(expansions: Expansions): Pick<Tables, 'astralPage' | 'astral'> {
  const astralPage = emptyAstralPage();
  const unassigned = new Uint16Array(PAGE).fill(expansions.entry(normalForm(0x4_0000)));
  const pages = [unassigned];
  const numbers = new Map([[unassigned.join(), 0]]);
  for (const [from, until] of ASTRAL_RANGES) {
    for (let first = from; first < until; first += PAGE) {
      const page = Uint16Array.from({ length: PAGE }, (_, index) => {
        const form = normalForm(first + index);
        return form.length === 1 && form[0] === first + index ? 0 : expansions.entry(form);
      });
      const key = page.join();
      const number = numbers.get(key) ?? pages.push(page) - 1;
      numbers.set(key, number);
      astralPage[(first - BMP) / PAGE] = number;
    }
  }
  return { astralPage, astral: Uint16Array.from(pages.flatMap((page) => [...page])) };
}

/** Numbers syllables in the order of the alphabet, from 1. */
function syllables(): Uint16Array {
  const spoken = Array.from({ length: BMP }, (_, code) => {
    const character = String.fromCharCode(code);
    return isHan(character) ? fuzzySyllable(character) : undefined;
  });
  const names = [...new Set(spoken.filter((name) => name !== undefined))].sort();
  const numbers = new Map(names.map((name, index) => [name, index + 1]));
  return Uint16Array.from(spoken, (name) => (name === undefined ? 0 : numbers.get(name)!));
}

function words(): Uint16Array {
  const bits = new Uint16Array(BMP / 16);
  for (let code = 0; code < BMP; code++) {
    if (isWordCharacter(String.fromCharCode(code))) bits[code >>> 4]! |= 1 << (code & 15);
  }
  return bits;
}

/** All tables, from the Unicode data of the Node that runs this and from the packages that tables/README.md names. */
export function generate(): Tables {
  const expansions = new Expansions();
  const single = bmp(expansions);
  const beyond = astral(expansions);
  return { single, ...beyond, ...expansions.tables(), syllable: syllables(), word: words() };
}
