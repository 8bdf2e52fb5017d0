import { Converter } from 'opencc-js';
import { pinyin } from 'pinyin-pro';
import { isHan } from './code-points.ts';

const REGIONS = ['t', 'hk', 'tw', 'jp'] as const;
const FIRST_CELL = 0xa1;
const LAST_CELL = 0xfe;

/** The characters of GB 2312 that begin with rows of these lead bytes; level 1, what a text is mostly written with, ends with 0xd7. */
export function gb2312(firstRow: number, lastRow: number): string[] {
  const decoder = new TextDecoder('gb18030');
  const rows = Array.from({ length: lastRow - firstRow + 1 }, (_, row) => firstRow + row);
  const cells = Array.from({ length: LAST_CELL - FIRST_CELL + 1 }, (_, cell) => FIRST_CELL + cell);
  return rows.flatMap((row) => cells.map((cell) => decoder.decode(Uint8Array.of(row, cell)))).filter(isHan);
}

/** What a simplified text has of its own right: no Japanese form in it stands for another character. */
const SIMPLIFIED = new Set(gb2312(0xb0, 0xf7));
const toSimplified = REGIONS.map((from) => Converter({ from, to: 'cn' }));

/** A form that some region writes for a simplified character and that is none itself -> that character. */
const VARIANTS = (() => {
  const variants = new Map<string, string>();
  for (const to of REGIONS) {
    const convert = Converter({ from: 'cn', to });
    for (const character of SIMPLIFIED) {
      const form = convert(character);
      if ([...form].length === 1 && !SIMPLIFIED.has(form) && !variants.has(form)) variants.set(form, character);
    }
  }
  return variants;
})();

/** What a simplified text writes too, in words of its own (著名, 瞭望), but a traditional one mostly for another: both are one. */
const AS_ONE: ReadonlyMap<string, string> = new Map([['著', '着'], ['瞭', '了']]);

/** The simplified form of a Han character, also of the forms that Hong Kong, Taiwan and Japan write; itself if it has none. */
export function simplified(character: string): string {
  const one = AS_ONE.get(character);
  if (one !== undefined) return one;
  const [standard, ...regional] = toSimplified.map((convert) => convert(character));
  if (SIMPLIFIED.has(standard!)) return standard!;
  return VARIANTS.get(character) ?? [standard!, ...regional].find((form) => form !== character && [...form].length === 1) ?? character;
}

/** Characters whose first reading in the dictionary is not the one they mostly have in text. */
const MOSTLY = new Map(['了le', '弹dan', '藏zang', '匙shi', '厦xia', '莞guan', '削xue', '曝bao', '吁yu'].map((entry) => [entry[0]!, entry.slice(1)]));
/** Where hu is spoken as f, the vowel that f takes; elsewhere it is the rest: hua, fa. */
const HU_AS_FU = new Map([['hu', 'fu'], ['hui', 'fei'], ['hun', 'fen']]);

/** The syllable of a Han character without its tone, with the sounds merged that many speakers do not tell apart; undefined if unknown. */
export function fuzzySyllable(character: string): string | undefined {
  const spoken = MOSTLY.get(character) ?? pinyin(character, { toneType: 'none', v: true });
  if (!/^[a-z]+$/.test(spoken)) return undefined;
  const initial = HU_AS_FU.get(spoken) ?? spoken.replace(/^hu/, 'f');
  return initial
    .replace(/^([zcs])h/, '$1')
    .replace(/^[nr](?=[aeiouv])/, 'l')
    .replace(/ng$/, 'n');
}
