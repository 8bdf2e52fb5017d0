import { Normaliser } from '../normalise/normaliser.ts';
import { TRACKS } from '../normalise/tracks.ts';
import { DROPPED, NOISE, SPACE, UnitBuffer } from '../normalise/unit-buffer.ts';
import { AS_WRITTEN, COLLAPSED, FREE, LEFT, RIGHT, loadAutomaton, type Automaton } from './automaton.ts';
import { MAX_KEY_UNITS, buildAutomaton, type KeyEntry } from './build-automaton.ts';
import { KeywordsRefused } from './keywords-refused.ts';
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
  const { length } = normalForm(word).units;
  if (length === 0) return 'empty';
  return length > MAX_KEY_UNITS ? 'too long' : undefined;
}

/**
 * Compiles lists of words; those with a `wordFault` are left out. Takes some 0.2 s for 50,000 words: `compileOffThread` spares the event loop.
 * @throws KeywordsRefused when there is no room for them.
 */
export function compileKeywords(lists: readonly KeywordList[]): CompiledKeywords {
  const words = new Map<string, KeyEntry[]>();
  const sounds = new Map<string, KeyEntry[]>();
  for (const { rule, words: listed, allow = false, wholeWord = true } of lists) {
    for (const form of listed.flatMap(forms)) {
      const { units } = form;
      if (units.length === 0 || units.length > MAX_KEY_UNITS) continue;
      const entry = parted({ rule, flags: (wholeWord ? boundaries(units) : 0) | (allow ? AS_WRITTEN : 0) }, form);
      add(words, units, entry);
      if (allow) continue;
      addCollapsed(words, units, entry);
      if (units.length >= MIN_SYLLABLES) addSound(sounds, units, rule);
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
interface Form {
  readonly units: string;
  /** Numbers of the units that had a separator before them. */
  readonly separated: readonly number[];
}

function normalForm(word: string): Form {
  const normaliser = new Normaliser();
  BUFFER.clear();
  normaliser.push(word, BUFFER);
  normaliser.end(BUFFER);
  let units = '';
  const separated: number[] = [];
  for (let at = 0; at < BUFFER.length; at++) {
    const unit = BUFFER.units[at]!;
    if (unit === NOISE || unit === SPACE) separated.push(units.length);
    else if (unit !== DROPPED) units += String.fromCharCode(unit);
  }
  return { units, separated };
}

/** Capitals may look like other letters than the small ones, as those of Greek do: a word in capitals is a form of its own then. */
function forms(word: string): Form[] {
  const form = normalForm(word);
  const capitals = word.toUpperCase();
  const other = capitals === word ? form : normalForm(capitals);
  return other.units === form.units ? [form] : [form, other];
}

const isWord = (units: string, at: number) => (UNIT_KIND[units.charCodeAt(at)]! & WORD) !== 0;

/** Where white space may stand in a word: where it was listed with a separator, and beside what is written without spaces. */
function parted(entry: KeyEntry, { units, separated }: Form): KeyEntry {
  const joints = Array.from({ length: units.length }, (_, at) => at > 0 && (separated.includes(at) || !isWord(units, at - 1) || !isWord(units, at)));
  if (!joints.includes(true)) return entry;
  return joints.includes(false, 1) ? { ...entry, joints } : { ...entry, flags: entry.flags | FREE };
}

const boundaries = (form: string) =>
  (isWord(form, 0) ? LEFT : 0) | (isWord(form, form.length - 1) ? RIGHT : 0);

/** Words of a rule that are one but for how often their letters stand: a text that has their letters once is held against each of them. */
const MAX_ALIKE = 256;

/** The same word twice in a rule is one entry. */
function add(keys: Map<string, KeyEntry[]>, key: string, entry: KeyEntry): void {
  const entries = keys.get(key);
  if (!entries) return void keys.set(key, [entry]);
  let alike = 0;
  for (const other of entries) {
    if (other.rule !== entry.rule) continue;
    if (other.flags === entry.flags && String(other.runs) === String(entry.runs) && String(other.joints) === String(entry.joints)) return;
    if (++alike === MAX_ALIKE) throw new KeywordsRefused(`more than ${MAX_ALIKE} words of a list are the same but for how often their letters are repeated`);
  }
  entries.push(entry);
}

/** A word with doubled letters also stands under its collapsed form, with how often each letter must stand. */
function addCollapsed(keys: Map<string, KeyEntry[]>, form: string, { rule, flags, joints }: KeyEntry): void {
  const doubled = (at: number) => form.charCodeAt(at) === form.charCodeAt(at - 1) && (UNIT_KIND[form.charCodeAt(at)]! & REPEATABLE) !== 0;
  let first = 1;
  while (first < form.length && !doubled(first)) first++;
  if (first === form.length) return;
  let collapsed = form.slice(0, 1);
  const runs = [1];
  const kept = [false];
  for (let at = 1; at < form.length; at++) {
    if (doubled(at)) {
      runs[runs.length - 1]!++;
    } else {
      collapsed += form[at]!;
      runs.push(1);
      kept.push(joints?.[at] === true);
    }
  }
  add(keys, collapsed, { rule, flags: flags | COLLAPSED, runs, ...(joints && { joints: kept }) });
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
