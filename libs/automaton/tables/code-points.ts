import { DROPPED, NOISE, SPACE } from '../src/normalise/unit-buffer.ts';

/** Scripts whose marks are vowels or change the consonant: without them other words would be the same. */
const MARKED_SCRIPTS = [
  'Devanagari', 'Bengali', 'Gurmukhi', 'Gujarati', 'Oriya', 'Tamil', 'Telugu', 'Kannada', 'Malayalam', 'Sinhala',
  'Thai', 'Lao', 'Tibetan', 'Myanmar', 'Khmer', 'Thaana', 'Hiragana', 'Katakana', 'Javanese', 'Balinese', 'Sundanese',
  'Tai_Tham', 'Cham', 'Lepcha', 'Limbu', 'Meetei_Mayek', 'Ol_Chiki', 'Syloti_Nagri', 'Saurashtra', 'Kayah_Li', 'Rejang',
  'Buginese', 'Batak', 'New_Tai_Lue', 'Tai_Viet', 'Tagalog', 'Hanunoo', 'Buhid', 'Tagbanwa', 'Phags_Pa', 'Nko',
  'Brahmi', 'Kaithi', 'Chakma', 'Mahajani', 'Sharada', 'Khojki', 'Khudawadi', 'Grantha', 'Newa', 'Tirhuta', 'Siddham',
  'Modi', 'Takri', 'Ahom', 'Dogra', 'Bhaiksuki', 'Marchen', 'Masaram_Gondi', 'Gunjala_Gondi', 'Kharoshthi',
];
const UNSPACED_SCRIPTS = ['Han', 'Hiragana', 'Katakana', 'Hangul', 'Bopomofo', 'Thai', 'Lao', 'Khmer', 'Myanmar', 'Tibetan', 'Yi'];
const anyOf = (property: 'Script' | 'Script_Extensions', scripts: readonly string[]) =>
  new RegExp(`[${scripts.map((script) => `\\p{${property}=${script}}`).join('')}]`, 'u');

const markedScript = anyOf('Script', MARKED_SCRIPTS);
const unspacedScript = anyOf('Script_Extensions', UNSPACED_SCRIPTS);
/** Sound marks of kana belong to no script of their own. */
const KANA_MARKS = '\u3099\u309a';
/** Kashida stretches an Arabic word and stands for nothing. */
const TATWEEL = '\u0640';
/** Signs that are part of words (C++, R&D, 100%) or are read as letters (sh!t, p@ss). */
const ASCII_SIGNS = '!@#$%&+';
/** NFKD makes it `!`, but in Chinese it separates. */
export const FULL_WIDTH_EXCLAMATION = '\uff01';
const DIGITS_OF_A_SCRIPT = 10;

const isDigit = (codePoint: number) => /\p{Nd}/u.test(String.fromCodePoint(codePoint));

/** Decimal digits of every script stand in runs of ten, zero first (Unicode, section 4.6). */
export function digitValue(codePoint: number): number | undefined {
  if (!isDigit(codePoint)) return undefined;
  let first = codePoint;
  while (isDigit(first - 1)) first--;
  return (codePoint - first) % DIGITS_OF_A_SCRIPT;
}

export function isHan(character: string): boolean {
  return /\p{Script=Han}/u.test(character);
}

export function isWordCharacter(character: string): boolean {
  if (/\p{M}/u.test(character)) return markedScript.test(character) && !unspacedScript.test(character);
  return /[\p{L}\p{N}]/u.test(character) && !unspacedScript.test(character);
}

/** NOISE, DROPPED or SPACE for a character that stands for no text, undefined for text. */
export function nothing(character: string): typeof NOISE | typeof DROPPED | typeof SPACE | undefined {
  if (character === FULL_WIDTH_EXCLAMATION) return NOISE;
  if (/\p{White_Space}/u.test(character)) return SPACE;
  if (character === TATWEEL || /[\p{Cc}\p{Cf}\p{Default_Ignorable_Code_Point}\p{Emoji_Modifier}]/u.test(character)) return DROPPED;
  if (/\p{M}/u.test(character)) return markedScript.test(character) || KANA_MARKS.includes(character) ? undefined : DROPPED;
  if (/[\p{Co}\p{Cs}]/u.test(character)) return NOISE;
  if (/\p{Cn}/u.test(character)) return /\p{Extended_Pictographic}/u.test(character) ? undefined : NOISE;
  if (ASCII_SIGNS.includes(character)) return undefined;
  if (/[\p{P}\p{Z}]/u.test(character)) return NOISE;
  return isSeparatingSymbol(character) ? NOISE : undefined;
}

/** Boxes, stars, arrows, operators: what stands between the characters of a word. Not emoji, which are read, nor currencies. */
function isSeparatingSymbol(character: string): boolean {
  if (/\p{Emoji_Presentation}/u.test(character)) return false;
  if (/[\p{Sm}\p{Sk}]/u.test(character)) return true;
  if (!/\p{So}/u.test(character) || !/\p{Script=Common}/u.test(character)) return false;
  return character.length === 1 || !/\p{Extended_Pictographic}/u.test(character);
}
