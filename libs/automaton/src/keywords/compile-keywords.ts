import { Normaliser } from '../normalise/normaliser.ts';
import { TRACKS } from '../normalise/tracks.ts';
import { DROPPED, NOISE, UnitBuffer } from '../normalise/unit-buffer.ts';
import { AS_WRITTEN, COLLAPSED, LEFT, RIGHT, loadAutomaton, type Automaton } from './automaton.ts';
import { MAX_KEY_UNITS, buildAutomaton, type KeyEntry } from './build-automaton.ts';
import { REPEATABLE, SYLLABLE, UNIT_KIND, WORD } from './unit-kind.ts';

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
  const { length } = normalForm(word);
  if (length === 0) return 'empty';
  return length > MAX_KEY_UNITS ? 'too long' : undefined;
}

/** Compiles lists of words; those with a `wordFault` are left out. Takes some 0.2 s for 50,000 words: `compileOffThread` spares the event loop. */
export function compileKeywords(lists: readonly KeywordList[]): CompiledKeywords {
  const words = new Map<string, KeyEntry[]>();
  const sounds = new Map<string, KeyEntry[]>();
  for (const { rule, words: listed, allow = false, wholeWord = true } of lists) {
    for (const form of listed.flatMap(forms)) {
      if (form.length === 0 || form.length > MAX_KEY_UNITS) continue;
      const entry = { rule, flags: (wholeWord ? boundaries(form) : 0) | (allow ? AS_WRITTEN : 0) };
      add(words, form, entry);
      if (allow) continue;
      addCollapsed(words, form, entry);
      if (form.length >= MIN_SYLLABLES) addSound(sounds, form, rule);
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

/** The units of the word that is looked at: thousands of words are. */
const BUFFER = new UnitBuffer();

/** A word as the text is compared with it: in normal form, without what stands for nothing. */
function normalForm(word: string): string {
  const normaliser = new Normaliser();
  BUFFER.clear();
  normaliser.push(word, BUFFER);
  normaliser.end(BUFFER);
  let form = '';
  for (let at = 0; at < BUFFER.length; at++) {
    const unit = BUFFER.units[at]!;
    if (unit !== NOISE && unit !== DROPPED) form += String.fromCharCode(unit);
  }
  return form;
}

/** Capitals may look like other letters than the small ones, as those of Greek do: a word in capitals is a form of its own then. */
function forms(word: string): string[] {
  const form = normalForm(word);
  const capitals = word.toUpperCase();
  const other = capitals === word ? form : normalForm(capitals);
  return other === form ? [form] : [form, other];
}

const boundaries = (form: string) =>
  (UNIT_KIND[form.charCodeAt(0)]! & WORD ? LEFT : 0) | (UNIT_KIND[form.charCodeAt(form.length - 1)]! & WORD ? RIGHT : 0);

/** The same word twice in a rule is one entry. */
function add(keys: Map<string, KeyEntry[]>, key: string, entry: KeyEntry): void {
  const entries = keys.get(key);
  if (!entries) keys.set(key, [entry]);
  else if (!entries.some((other) => other.rule === entry.rule && other.flags === entry.flags && String(other.runs) === String(entry.runs))) entries.push(entry);
}

/** A word with doubled letters also stands under its collapsed form, with how often each letter must stand. */
function addCollapsed(keys: Map<string, KeyEntry[]>, form: string, { rule, flags }: KeyEntry): void {
  const doubled = (at: number) => form.charCodeAt(at) === form.charCodeAt(at - 1) && (UNIT_KIND[form.charCodeAt(at)]! & REPEATABLE) !== 0;
  let first = 1;
  while (first < form.length && !doubled(first)) first++;
  if (first === form.length) return;
  let collapsed = form.slice(0, 1);
  const runs = [1];
  for (let at = 1; at < form.length; at++) {
    if (doubled(at)) {
      runs[runs.length - 1]!++;
    } else {
      collapsed += form[at]!;
      runs.push(1);
    }
  }
  add(keys, collapsed, { rule, flags: flags | COLLAPSED, runs });
}

/** A word of syllables alone also stands under its sound. */
function addSound(keys: Map<string, KeyEntry[]>, form: string, rule: number): void {
  let sound = '';
  for (let at = 0; at < form.length; at++) {
    const unit = form.charCodeAt(at);
    if (!(UNIT_KIND[unit]! & SYLLABLE)) return;
    sound += String.fromCharCode(TRACKS.pinyin[unit]!);
  }
  add(keys, sound, { rule, flags: 0 });
}
