/** Words that announce the number of a phone. */
const CUES = new Set(['call', 'calling', 'cell', 'cellphone', 'contact', 'dial', 'fax', 'mobile', 'mob', 'phone', 'ring', 'tel', 'telephone', 'whatsapp']);
export const LONGEST_CUE = 9;
const SHORTEST_CUE = 3;

/** How far before a number, in units, a cue may end: `phone number is: `. */
export const CUE_REACH = 20;

const HASHES = 4096;
/** Most words are told from the cues by a sum over their letters, whose case is one bit. */
const MAYBE = new Uint8Array(HASHES);
const LOWER_CASE = 32;
const mix = (hash: number, unit: number): number => (hash * 31 + (unit | LOWER_CASE)) & (HASHES - 1);
for (const cue of CUES) MAYBE[[...cue].reduce((hash, letter) => mix(hash, letter.charCodeAt(0)), 0)] = 1;

/** The word from `from` to `to` of a text. */
export function isPhoneCue(text: string, from: number, to: number): boolean {
  if (to - from < SHORTEST_CUE || to - from > LONGEST_CUE) return false;
  let hash = 0;
  for (let i = from; i < to; i++) hash = mix(hash, text.charCodeAt(i));
  return MAYBE[hash] === 1 && CUES.has(text.slice(from, to).toLowerCase());
}
