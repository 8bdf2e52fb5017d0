import { BMP, EXPANSION, PAGE, isExpansion } from './table-layout.ts';
import { TABLES } from './tables.ts';

/**
 * Whether a code point, original or normalised, belongs to a word with its neighbours, so that a keyword that must be
 * a whole word may not end beside it: letters, digits and marks of scripts that put spaces between words. Han, kana,
 * Hangul, Thai and their like do not count: a Latin word between Han characters is whole.
 */
export function isWordUnit(codePoint: number): boolean {
  if (codePoint < BMP) return (TABLES.word[codePoint >>> 4]! & (1 << (codePoint & 15))) !== 0;
  const page = TABLES.astralPage[Math.floor((codePoint - BMP) / PAGE)]!;
  const entry = TABLES.astral[page * PAGE + (codePoint & (PAGE - 1))]!;
  const first = isExpansion(entry) ? TABLES.expansion[TABLES.expansionAt[entry - EXPANSION]!]! : entry;
  return (TABLES.word[first >>> 4]! & (1 << (first & 15))) !== 0;
}
