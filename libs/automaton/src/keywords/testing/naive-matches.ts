import type { Match } from '../../detector.ts';
import { normalise } from '../../normalise/normalise.ts';
import { Normaliser } from '../../normalise/normaliser.ts';
import { DROPPED, NOISE, SPACE, UnitBuffer } from '../../normalise/unit-buffer.ts';
import { isWordUnit } from '../../normalise/word-unit.ts';
import type { KeywordList } from '../compile-keywords.ts';
import { MAX_SKIPPED } from '../unit-kind.ts';

interface Real {
  readonly unit: number;
  readonly start: number;
  readonly end: number;
  /** How many units that stand for nothing lie before it. */
  readonly gap: number;
  /** Whether white space is among them. */
  readonly spaced: boolean;
  /** Whether what stands before it, and behind it, but for at most four DROPPED, is a word character. */
  readonly afterWord: boolean;
  beforeWord: boolean;
}

const SKIPPED: readonly number[] = [NOISE, DROPPED, SPACE];

/** Of each unit of a word, and of its end, whether white space may stand before it. */
function openings(word: string): boolean[] {
  const { units, length } = unitsOf(word);
  const opened: boolean[] = [];
  let separated = false;
  let last: number | undefined;
  for (let at = 0; at < length; at++) {
    const unit = units[at]!;
    if (SKIPPED.includes(unit)) {
      separated ||= unit !== DROPPED;
      continue;
    }
    opened.push(last !== undefined && (separated || !isWordUnit(last) || !isWordUnit(unit)));
    separated = false;
    last = unit;
  }
  return opened;
}

/** The units from the last opening on. */
function lastSegment<T>(there: readonly T[], opened: readonly boolean[]): readonly T[] {
  return there.slice(Math.max(0, there.findLastIndex((_, at) => opened[at] === true)));
}

const spelledOut = (there: readonly Real[], opened: readonly boolean[]) => lastSegment(there, opened).slice(1).every(({ gap }) => gap > 0);

/** Whether between two openings white space stands nowhere, or something between every two units. */
function spacedRightly(there: readonly Real[], opened: readonly boolean[]): boolean {
  return there.every((_, at) => {
    const before = there.slice(0, at + 1);
    return lastSegment(before, opened).slice(1).every(({ spaced }) => !spaced) || spelledOut(before, opened);
  });
}

/** The matches that are inside of no other of their rule, each once. */
export function outermost(matches: readonly Match[]): Match[] {
  return matches.filter((one, at) => !matches.some((other, index) => other.rule === one.rule && other.start <= one.start && one.end <= other.end
    && (other.start < one.start || one.end < other.end || index < at)));
}

/** Every match of the words as they are, by looking at every place for every word: what an automaton has to find as well. */
export function naiveMatches(text: string, lists: readonly KeywordList[]): Match[] {
  const reals = realUnits(text);
  const matches = new Map<string, Match>();
  for (const { rule, words, wholeWord = true } of lists) {
    for (const word of words) {
      const units = normalise(word);
      const opened = openings(word);
      const left = wholeWord && isWordUnit(units[0]!);
      const right = wholeWord && isWordUnit(units.at(-1)!);
      for (let at = 0; at + units.length <= reals.length; at++) {
        const there = reals.slice(at, at + units.length);
        const same = there.every(({ unit, gap }, index) => unit === units[index] && (index === 0 || gap <= MAX_SKIPPED));
        if (!same || !spacedRightly(there, opened) || (left && there[0]!.afterWord) || (right && there.at(-1)!.beforeWord)) continue;
        const match = { rule, start: there[0]!.start, end: there.at(-1)!.end };
        matches.set(`${match.start} ${match.end} ${rule}`, match);
      }
    }
  }
  return [...matches.values()];
}

/** Where the first match may begin that more text could still complete; the length of the text when none may. */
export function naiveFrontier(text: string, lists: readonly KeywordList[]): number {
  const reals = realUnits(text);
  const trailing = skippedAtEnd(text);
  for (const [at, { start, afterWord }] of reals.entries()) {
    for (const { words, wholeWord = true } of lists) {
      for (const word of words) {
        const units = normalise(word);
        const opened = openings(word);
        const there = reals.slice(at);
        const begins = there.length <= units.length && there.every(({ unit, gap }, index) => unit === units[index] && (index === 0 || gap <= MAX_SKIPPED));
        if (!begins || !spacedRightly(there, opened) || (wholeWord && isWordUnit(units[0]!) && afterWord)) continue;
        const whole = there.length === units.length;
        const waits = whole && wholeWord && isWordUnit(units.at(-1)!) && trailing.noise === 0;
        if (trailing.all > MAX_SKIPPED || !(whole ? waits : true)) continue;
        // White space behind it: it goes on at an opening, or by the letter.
        if (!whole && trailing.spaced && !opened[there.length] && !spelledOut(there, opened)) continue;
        return start;
      }
    }
  }
  return text.length;
}

function unitsOf(text: string): UnitBuffer {
  const buffer = new UnitBuffer();
  const normaliser = new Normaliser();
  normaliser.push(text, buffer);
  normaliser.end(buffer);
  return buffer;
}

function skippedAtEnd(text: string): { all: number; noise: number; spaced: boolean } {
  const { units, length } = unitsOf(text);
  let all = 0;
  let noise = 0;
  let spaced = false;
  for (let at = length - 1; at >= 0 && SKIPPED.includes(units[at]!); at--) {
    all++;
    if (units[at] !== DROPPED) noise++;
    spaced ||= units[at] === SPACE;
  }
  return { all, noise, spaced };
}

function realUnits(text: string): Real[] {
  const { units, starts, ends, length } = unitsOf(text);
  const reals: Real[] = [];
  let gap = 0;
  let noise = false;
  let spaced = false;
  for (let at = 0; at < length; at++) {
    const unit = units[at]!;
    if (SKIPPED.includes(unit)) {
      gap++;
      noise ||= unit !== DROPPED;
      spaced ||= unit === SPACE;
      continue;
    }
    const last = reals.at(-1);
    if (last) last.beforeWord = isWordUnit(unit) && !noise && gap <= MAX_SKIPPED;
    reals.push({ unit, start: starts[at]!, end: ends[at]!, gap, spaced, afterWord: last !== undefined && !noise && isWordUnit(last.unit), beforeWord: false });
    gap = 0;
    noise = spaced = false;
  }
  return reals;
}
