import type { WordBuffer } from './word-buffer.ts';

/** Words that announce the number of a phone. */
const CUES = new Set(['call', 'calling', 'cell', 'cellphone', 'contact', 'dial', 'fax', 'mobile', 'mob', 'phone', 'ring', 'tel', 'telephone', 'whatsapp']);
const LONGEST_CUE = 9;
const SHORTEST_CUE = 3;

/** How far before a number, in units, a cue may end: `phone number is: `. */
export const CUE_REACH = 20;

const HASHES = 4096;
/** Most words are told from the cues by a sum over their letters, whose case is one bit. */
const MAYBE = new Uint8Array(HASHES);
const LOWER_CASE = 32;
const mix = (hash: number, unit: number): number => (hash * 31 + (unit | LOWER_CASE)) & (HASHES - 1);
for (const cue of CUES) MAYBE[[...cue].reduce((hash, letter) => mix(hash, letter.charCodeAt(0)), 0)] = 1;

export function isPhoneCue(word: WordBuffer): boolean {
  if (word.length < SHORTEST_CUE || word.length > LONGEST_CUE) return false;
  let hash = 0;
  for (let i = 0; i < word.length; i++) hash = mix(hash, word.unit(i));
  return MAYBE[hash] === 1 && CUES.has(word.text().toLowerCase());
}
