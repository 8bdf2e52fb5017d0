import { createRequire } from 'node:module';
import { digitValue } from './code-points.ts';

/** Code point -> prototype: all 6311 pairs of confusables.txt of UTS 39, version 13.0.0, as unhomoglyph carries them. */
export const PROTOTYPES = createRequire(import.meta.url)('unhomoglyph/data.json') as Readonly<Record<string, string>>;

/** Pairs by their index: what the first line shows looks like what the second shows. */
const SMALL_CAPITALS = ['ᴀʙᴄᴅᴇꜰɢʜɪᴊᴋʟᴍɴᴏᴘꞯʀꜱᴛᴜᴠᴡʏᴢĸʍ', 'abcdefghijklmnopqrstuvwyzkm'] as const;
/**
 * Readings that the standard does not have, or has for a neighbour only (open e, both sigmas, Persian and Arabic forms),
 * or that another rule would come before: iota and ogonek by themselves, the numbers of Warang Citi.
 */
const OWN_READINGS = ['ɛꞓβıςϲϹکیىͺ˛𑣩𑣣𑣦𑣥', 'eebiσccكييiicmwz'] as const;
/** Kana that look like Han; the standard joins them the other way for some. */
const KANA_AS_HAN = ['ニハカトロタエー', '二八力卜口夕工一'] as const;

/** These come before all else, also before the compatibility form. */
export const OWN: ReadonlyMap<string, string> = new Map([SMALL_CAPITALS, OWN_READINGS, KANA_AS_HAN].flatMap(([from, to]) => [...from].map((character, index) => [character, [...to][index]!])));

/**
 * Scripts that are written in earnest, where letters differ by what the standard calls a mark of a look-alike: only a
 * prototype without a mark counts, or б would be в.
 */
const earnest = /[\u0370-\u03ff\u0400-\u045f\p{Script=Hebrew}\p{Script=Arabic}]/u;
const unreadable = /[\p{M}\p{Script=Han}\p{Script=Hangul}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Bopomofo}]/u;
const european = /^[\p{Script=Latin}\p{Script=Greek}\p{Script=Cyrillic}]$/u;
/** Strokes and rings among symbols: nobody reads a word in them, and as separators they are frequent. */
const NO_LETTERS = '∣⏽‖∥׀∞⊖⊝⍬🜔⦀%‰‱';

const isCased = (character: string) => character.toLowerCase() !== character.toUpperCase();
const lettersOf = (text: string) => text.normalize('NFKD').replace(/\p{M}/gu, '').toLowerCase().replaceAll('rn', 'm');

/** The letters that a prototype of this very character gives; undefined where it would wreck plain text. */
function own(character: string): string | undefined {
  const special = OWN.get(character);
  if (special !== undefined) return special;
  const prototype = PROTOTYPES[character];
  if (prototype === undefined || character <= '\x7f' || unreadable.test(character) || NO_LETTERS.includes(character)) return undefined;
  if (digitValue(character.codePointAt(0)!) !== undefined) return undefined;
  if (earnest.test(character) && [...prototype.normalize('NFKD')].length !== 1) return undefined;
  const letters = [...lettersOf(prototype)].map((letter) => OWN.get(letter) ?? letter).join('');
  if (/^[a-z]+$/.test(letters)) return letters;
  if (/^[0-9]$/.test(letters)) return isCased(character) ? undefined : letters;
  return /\p{L}/u.test(character) && european.test(character) && european.test(letters) && [...prototype].length === 1 ? letters : undefined;
}

/**
 * What a character is read as because it looks like it. Upper and lower case agree, so that words of their own script
 * keep matching in any case: Cyrillic н is read as its capital Н, as `h`. Two letters of Greek look like different
 * letters in either case (Νν like n and v, Υυ like y and u): there each keeps its own.
 */
export function lookAlike(character: string): string | undefined {
  // A mark may have a letter as its capital (the Greek iota below); it stays a mark.
  if (/\p{M}/u.test(character)) return undefined;
  const cases = [character, character.toLowerCase(), character.toUpperCase()].filter((variant) => [...variant].length === 1);
  const readings = cases.map(own);
  const latin = readings.filter((reading) => reading !== undefined && /^[a-z0-9]+$/.test(reading));
  // A stroke is the standard's `l`; where the other case is an i, it is the capital of that.
  if (latin[0] === 'l' && latin.includes('i')) return 'i';
  return latin[0] ?? readings.find((reading) => reading !== undefined);
}
