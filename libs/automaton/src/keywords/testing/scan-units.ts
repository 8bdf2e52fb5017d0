import { normalise } from '../../normalise/normalise.ts';
import { Normaliser } from '../../normalise/normaliser.ts';
import { UnitBuffer } from '../../normalise/unit-buffer.ts';
import { FREE } from '../automaton.ts';
import type { CompiledKeywords } from '../compile-keywords.ts';
import { Found } from '../found.ts';
import { forEachEntry, hits, step } from '../step.ts';
import { WordScan } from '../word-scan.ts';

const PART_UNITS = 16_384;

/** The match core alone: normalises a text once; each call of what it returns looks through its units. */
export function unitScan({ words }: CompiledKeywords, text: string): () => number {
  const normaliser = new Normaliser();
  const parts: UnitBuffer[] = [];
  for (let from = 0; from < text.length; from += PART_UNITS) {
    const part = new UnitBuffer();
    normaliser.push(text.slice(from, from + PART_UNITS), part);
    parts.push(part);
  }
  return () => {
    const found = new Found(() => '');
    const scan = new WordScan(words, found);
    let matches = 0;
    for (const part of parts) {
      scan.scan(part);
      const drained: { rule: number; start: number; end: number }[] = [];
      found.drain(drained);
      matches += drained.length;
    }
    return matches;
  };
}

/** Calls for each occurrence of a word in a text, boundaries and noise aside: to be held against another way of searching. */
export function forEachOccurrence({ words }: CompiledKeywords, text: string, call: (start: number, units: number) => void): void {
  let state = 0;
  for (let at = 0; at < text.length; at++) {
    state = step(words, state, text.charCodeAt(at));
    if (!hits(words, state)) continue;
    // Words that differ in nothing but their separators are entries of one key, one behind the other.
    let last = 0;
    forEachEntry(words, state, (entry, units) => {
      if (units === last || (words.entryFlags[entry]! & ~FREE) !== 0) return;
      last = units;
      call(at + 1 - units, units);
    });
  }
}

/** A text in normal form, without what stands for nothing. */
export function normalText(text: string): string {
  let normal = '';
  for (let from = 0; from < text.length; from += PART_UNITS) normal += String.fromCharCode(...normalise(text.slice(from, from + PART_UNITS)));
  return normal;
}
