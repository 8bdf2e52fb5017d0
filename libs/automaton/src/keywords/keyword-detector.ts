import type { Detector, Match } from '../detector.ts';
import { SpareDetectors, type ReusableDetector } from '../lent-detector.ts';
import { Normaliser } from '../normalise/normaliser.ts';
import { UnitBuffer } from '../normalise/unit-buffer.ts';
import type { CompiledKeywords } from './compile-keywords.ts';
import { Found } from './found.ts';
import { SyllableScan } from './syllable-scan.ts';
import { WordScan } from './word-scan.ts';

/** A longer piece is taken in parts, so that the units of it need not all be in memory. */
const PART_UNITS = 16_384;

/** How much is kept of the text before a piece: a contraction, and what of it waits for what follows. */
const TAIL_UNITS = 64;

/** The units of the piece that is looked at: every detector is done with them before it returns. */
const BUFFER = new UnitBuffer();

/** Looks for the words of all these sets, for example those of an organisation and those of a project. Give the same list for every text. */
export function keywordDetector(compiled: readonly CompiledKeywords[]): Detector {
  return SPARE.lend(compiled);
}

class KeywordDetector implements ReusableDetector {
  readonly #normaliser = new Normaliser();
  readonly #scans: (WordScan | SyllableScan)[] = [];
  readonly #found: Found[] = [];
  /** What is looked at of the text, and the last of what was before. */
  #part = '';
  #tail = '';
  #length = 0;
  #halfPair = false;
  #frontier = 0;

  constructor(compiled: readonly CompiledKeywords[]) {
    for (const { words, sounds } of compiled) {
      this.#scans.push(new WordScan(words, this.#newFound()));
      if (sounds) this.#scans.push(new SyllableScan(sounds, this.#newFound()));
    }
  }

  /** One a scan: matches that lie beside each other then belong together. */
  #newFound(): Found {
    const found = new Found((start, end) => this.#textBetween(start, end));
    this.#found.push(found);
    return found;
  }

  get frontier(): number {
    return this.#frontier;
  }

  push(piece: string): void {
    for (let from = 0; from < piece.length; from += PART_UNITS) {
      const part = piece.length <= PART_UNITS ? piece : piece.slice(from, from + PART_UNITS);
      this.#part = part;
      this.#normaliser.push(part, BUFFER);
      this.#scan();
      this.#tail = part.length >= TAIL_UNITS ? part.slice(-TAIL_UNITS) : (this.#tail + part).slice(-TAIL_UNITS);
      this.#part = '';
      this.#length += part.length;
      this.#halfPair = (part.charCodeAt(part.length - 1) & 0xfc00) === 0xd800;
    }
    let frontier = this.#halfPair ? this.#length - 1 : this.#length;
    for (const found of this.#found) frontier = found.earliest(frontier);
    for (const scan of this.#scans) frontier = scan.earliest(frontier);
    this.#frontier = frontier;
  }

  end(): void {
    this.#normaliser.end(BUFFER);
    this.#scan();
    for (const found of this.#found) found.decide(true);
    this.#frontier = this.#length;
  }

  drain(into: Match[]): void {
    for (const found of this.#found) found.drain(into);
  }

  reset(): void {
    this.#normaliser.reset();
    for (const scan of this.#scans) scan.reset();
    this.#part = this.#tail = '';
    this.#length = this.#frontier = 0;
    this.#halfPair = false;
  }

  /** Reaches back to the tail. `#length` counts what stands before the part. */
  #textBetween(start: number, end: number): string {
    const from = this.#length - this.#tail.length;
    if (start >= this.#length) return this.#part.slice(start - this.#length, end - this.#length);
    return (this.#tail + this.#part.slice(0, Math.max(0, end - this.#length))).slice(start - from, end - from);
  }

  #scan(): void {
    for (const scan of this.#scans) scan.scan(BUFFER);
    BUFFER.clear();
  }
}

const SPARE = new SpareDetectors((compiled: readonly CompiledKeywords[]) => new KeywordDetector(compiled));
