import { DROPPED, NOISE, SPACE } from '../src/normalise/unit-buffer.ts';
import { FULL_WIDTH_EXCLAMATION, digitValue, isHan, nothing } from './code-points.ts';
import { OWN, lookAlike } from './confusables.ts';
import { EMOJI } from './emoji.ts';
import { simplified } from './han.ts';

const TAG_SPACE = 0xe0020;
const TAG_TILDE = 0xe007e;
const TAG_BASE = 0xe0000;
/** A reading may have a reading (Cyrillic к looks like ĸ, which looks like k); nothing has more than this. */
const READINGS_LIMIT = 4;

/** Letters in boxes and circles that have no compatibility form: first and last code point, and what the first shows. */
const BOXED = [
  [0x1f150, 0x1f169, 'a'], [0x1f170, 0x1f189, 'a'], [0x1f1e6, 0x1f1ff, 'a'],
  [0x2776, 0x277e, '1'], [0x278a, 0x2792, '1'], [0x2780, 0x2788, '1'],
] as const;

/** Full case folding, as far as it makes a difference: also ẞ to ss, and every sigma to one. */
const fold = (text: string) => text.toLowerCase().toUpperCase().toLowerCase();

function boxed(codePoint: number): string | undefined {
  const range = BOXED.find(([first, last]) => codePoint >= first && codePoint <= last);
  return range === undefined ? undefined : String.fromCodePoint(range[2].charCodeAt(0) + codePoint - range[0]);
}

/** NOISE, DROPPED or SPACE for what stands for no text and looks like no letter. */
const nothingRead = (character: string) => (lookAlike(character) === undefined ? nothing(character) : undefined);

/** One step: a character of a compatibility decomposition -> what it is read as. */
function read(character: string): string {
  const digit = digitValue(character.codePointAt(0)!);
  if (digit !== undefined) return String(digit);
  const look = lookAlike(character);
  if (look !== undefined) return look;
  return isHan(character) ? simplified(character) : fold(character);
}

function readings(character: string): string {
  let text = OWN.get(character) ?? EMOJI.get(character) ?? character.normalize('NFKD');
  for (let step = 0; step < READINGS_LIMIT; step++) {
    const next = [...text].map((part) => (nothingRead(part) === undefined ? read(part).normalize('NFKD') : part)).join('');
    if (next === text) break;
    text = next;
  }
  return text;
}

/**
 * The normal form of one code point, as code points and NOISE, DROPPED and SPACE: never empty, and if any of it is text, only
 * that. Compatibility decomposition, then look-alikes, case, digits of all scripts, simplified Han.
 */
export function normalForm(codePoint: number): number[] {
  if (codePoint >= TAG_SPACE && codePoint <= TAG_TILDE) return normalForm(codePoint - TAG_BASE);
  const character = boxed(codePoint) ?? String.fromCodePoint(codePoint);
  const own = nothingRead(character);
  if (own !== undefined && !decomposes(character)) return [own];
  const parts = [...readings(character)].map((part) => nothingRead(part) ?? part.codePointAt(0)!);
  const text = parts.filter((part) => part !== NOISE && part !== DROPPED && part !== SPACE);
  if (text.length > 0) return text;
  return [parts.includes(NOISE) || parts.includes(SPACE) ? NOISE : DROPPED];
}

/** Whether a sign is a compatibility form of something that is text, as ⑴ is of 1. */
function decomposes(character: string): boolean {
  return character !== FULL_WIDTH_EXCLAMATION && [...character.normalize('NFKD')].some((part) => part !== character && nothing(part) === undefined);
}
