import { normalise } from '../normalise/normalise.ts';
import { TRACKS, syllables } from '../normalise/tracks.ts';
import { isWordUnit } from '../normalise/word-unit.ts';
import { AS_WRITTEN, COLLAPSED, LEFT, RIGHT, loadAutomaton, type Automaton } from './automaton.ts';
import { MAX_KEY_UNITS, buildAutomaton, type KeyEntry } from './build-automaton.ts';
import { UNIT_KIND, REPEATABLE } from './unit-kind.ts';

/** The words of one rule. */
export interface KeywordList {
  /** What matches of these words carry. */
  readonly rule: number;
  readonly words: readonly string[];
  /** Words that permit: found as they are written alone, so that no look-alike permits what it is not. */
  readonly allow?: boolean;
  /** False: also inside of longer words. By default a word of letters must stand alone, and Han characters match anywhere. */
  readonly wholeWord?: boolean;
}

export interface CompiledKeywords {
  readonly words: Automaton;
  /** Words of many syllables, by their sound. */
  readonly sounds: Automaton | undefined;
}

/** What threads hand over, or share: `loadKeywords` makes it whole again without a copy. */
export interface SerialisedKeywords {
  readonly words: ArrayBufferLike;
  readonly sounds: ArrayBufferLike | undefined;
}

/** Shorter words have too many harmless homophones: of two syllables, one benign text in ten has one. */
const MIN_SYLLABLES = 3;

/** Why a word can not be looked for: nothing is left of it in normal form, or it is longer than 255 units there. */
export function wordFault(word: string): 'empty' | 'too long' | undefined {
  const { length } = normalise(word);
  if (length === 0) return 'empty';
  return length > MAX_KEY_UNITS ? 'too long' : undefined;
}

/** Compiles lists of words; those with a `wordFault` are left out. Takes some 0.2 s for 50,000 words: `compileOffThread` spares the event loop. */
export function compileKeywords(lists: readonly KeywordList[]): CompiledKeywords {
  const words = new Map<string, KeyEntry[]>();
  const sounds = new Map<string, KeyEntry[]>();
  for (const { rule, words: listed, allow = false, wholeWord = true } of lists) {
    for (const word of listed) {
      const units = normalise(word);
      if (units.length === 0 || units.length > MAX_KEY_UNITS) continue;
      const flags = (wholeWord ? boundaries(units) : 0) | (allow ? AS_WRITTEN : 0);
      add(words, String.fromCharCode(...units), { rule, flags });
      if (allow) continue;
      addCollapsed(words, units, { rule, flags });
      if (units.length >= MIN_SYLLABLES && syllables(units) === units.length) add(sounds, String.fromCharCode(...units.map((unit) => TRACKS.pinyin[unit]!)), { rule, flags: 0 });
    }
  }
  return { words: buildAutomaton(words), sounds: sounds.size > 0 ? buildAutomaton(sounds) : undefined };
}

export function serialiseKeywords({ words, sounds }: CompiledKeywords): SerialisedKeywords {
  return { words: words.buffer, sounds: sounds?.buffer };
}

/** @throws RangeError when it is no serialised form, or of another layout. */
export function loadKeywords({ words, sounds }: SerialisedKeywords): CompiledKeywords {
  return { words: loadAutomaton(words), sounds: sounds && loadAutomaton(sounds) };
}

const boundaries = (units: Uint16Array) => (isWordUnit(units[0]!) ? LEFT : 0) | (isWordUnit(units.at(-1)!) ? RIGHT : 0);

/** The same word twice in a rule is one entry. */
function add(keys: Map<string, KeyEntry[]>, key: string, entry: KeyEntry): void {
  const entries = keys.get(key);
  if (!entries) keys.set(key, [entry]);
  else if (!entries.some((other) => other.rule === entry.rule && other.flags === entry.flags && String(other.runs) === String(entry.runs))) entries.push(entry);
}

/** A word with doubled letters also stands under its collapsed form, with how often each letter must stand. */
function addCollapsed(keys: Map<string, KeyEntry[]>, units: Uint16Array, { rule, flags }: KeyEntry): void {
  let collapsed = '';
  const runs: number[] = [];
  for (const [index, unit] of units.entries()) {
    if (index > 0 && unit === units[index - 1] && UNIT_KIND[unit]! & REPEATABLE) runs[runs.length - 1]!++;
    else {
      collapsed += String.fromCharCode(unit);
      runs.push(1);
    }
  }
  if (runs.length < units.length) add(keys, collapsed, { rule, flags: flags | COLLAPSED, runs });
}
