import { TRACKS } from '../normalise/tracks.ts';
import { DROPPED, NOISE, SPACE } from '../normalise/unit-buffer.ts';
import { isWordUnit } from '../normalise/word-unit.ts';

/** Stands for nothing in a word. */
export const SKIPPED = 1;
/** Belongs to a word with its neighbours. */
export const WORD = 2;
/** Read as a letter by the leet tracks. */
export const LEET = 4;
/** A letter that may be written many times for once. */
export const REPEATABLE = 8;
/** Spoken as a syllable. */
export const SYLLABLE = 16;

const LAST_DIGIT = 0x39;

/** What a scan wants to know of each unit, in one look. */
export const UNIT_KIND: Uint8Array = Uint8Array.from({ length: 0x10000 }, (_, unit) => {
  if (unit === NOISE || unit === DROPPED || unit === SPACE) return SKIPPED;
  const word = isWordUnit(unit);
  return (word ? WORD : 0) | (word && unit > LAST_DIGIT ? REPEATABLE : 0)
    | (TRACKS.leetI[unit] !== unit ? LEET : 0) | (TRACKS.pinyin[unit] !== unit ? SYLLABLE : 0);
});

/** At most so many units in a row may stand for nothing inside of a word: without a limit the hold would have none. */
export const MAX_SKIPPED = 4;
/** At most so many of the same letter are read as one, for the same reason. */
export const MAX_REPEATS = 32;
