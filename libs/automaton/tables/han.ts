import { Converter } from 'opencc-js';
import { pinyin } from 'pinyin-pro';

const converters = (['t', 'hk', 'tw', 'jp'] as const).map((from) => Converter({ from, to: 'cn' }));

/** The characters of GB 2312: those that a simplified text has of its own right, so that no Japanese form stands for another. */
function commonSimplified(): ReadonlySet<string> {
  const decoder = new TextDecoder('gb18030');
  const set = new Set<string>();
  for (let row = 0xb0; row <= 0xf7; row++) {
    for (let cell = 0xa1; cell <= 0xfe; cell++) set.add(decoder.decode(Uint8Array.of(row, cell)));
  }
  return set;
}
const COMMON = commonSimplified();

/** The simplified form of a Han character, also of the forms that Hong Kong, Taiwan and Japan write; itself if it has none. */
export function simplified(character: string): string {
  const [standard, ...regional] = converters.map((convert) => convert(character));
  if (standard !== character) return standard!;
  if (COMMON.has(character)) return character;
  return regional.find((form) => form !== character && [...form].length === 1) ?? character;
}

/** Where hu is spoken as f, the vowel that f takes; elsewhere it is the rest: hua, fa. */
const HU_AS_FU = new Map([['hu', 'fu'], ['hui', 'fei'], ['hun', 'fen']]);

/** The syllable of a Han character without its tone, with the sounds merged that many speakers do not tell apart; undefined if unknown. */
export function fuzzySyllable(character: string): string | undefined {
  const spoken = pinyin(character, { toneType: 'none', v: true });
  if (!/^[a-z]+$/.test(spoken)) return undefined;
  const initial = HU_AS_FU.get(spoken) ?? spoken.replace(/^hu/, 'f');
  return initial
    .replace(/^([zcs])h/, '$1')
    .replace(/^[nr](?=[aeiouv])/, 'l')
    .replace(/ng$/, 'n');
}
