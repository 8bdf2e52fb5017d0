import { TRACKS } from '../normalise/tracks.ts';
import type { UnitBuffer } from '../normalise/unit-buffer.ts';
import type { Automaton } from './automaton.ts';
import { mayLeadByThree } from './first-look.ts';
import type { Found } from './found.ts';
import { earliestStart, forEachEntry, hits, step } from './step.ts';
import { Trail } from './trail.ts';
import { MAX_SKIPPED, SKIPPED, SYLLABLE, UNIT_KIND } from './unit-kind.ts';

/** No unit below it is spoken as a syllable. */
const LEAST_SYLLABLE = UNIT_KIND.findIndex((kind) => (kind & SYLLABLE) !== 0);

/** Looks for words by how they sound: Han characters are read as syllables, whatever else stands between them ends a word. */
export class SyllableScan {
  readonly #automaton: Automaton;
  readonly #found: Found;
  readonly #trail: Trail;
  #state = 0;
  #skipped = 0;

  constructor(automaton: Automaton, found: Found) {
    this.#automaton = automaton;
    this.#found = found;
    this.#trail = new Trail(automaton);
  }

  /** What comes next is the beginning of another text. */
  reset(): void {
    this.#trail.reset();
    this.#state = this.#skipped = 0;
  }

  scan({ units, starts, ends, length, union }: UnitBuffer): void {
    if (this.#state === 0 && union < LEAST_SYLLABLE) return;
    let state = this.#state;
    for (let index = 0; index < length; index++) {
      if (state === 0) {
        index = this.#seek(units, index, length);
        if (index === length) break;
        this.#skipped = 0;
        state = step(this.#automaton, 0, TRACKS.pinyin[units[index]!]!);
        this.#trail.append(units[index]!, starts[index]!, 0, 0);
        continue;
      }
      const unit = units[index]!;
      const kind = UNIT_KIND[unit]!;
      if (kind & SYLLABLE) {
        this.#skipped = 0;
        state = step(this.#automaton, state, TRACKS.pinyin[unit]!);
        if (this.#automaton.depth[state]! <= 1) {
          // Nothing of what was followed goes on: what begins here is looked at like any other beginning.
          state = 0;
          index--;
          continue;
        }
        this.#trail.append(unit, starts[index]!, 0, 0);
        if (hits(this.#automaton, state)) this.#report(state, ends[index]!);
      } else if (state !== 0 && (!(kind & SKIPPED) || ++this.#skipped > MAX_SKIPPED)) {
        state = 0;
      }
    }
    this.#state = state;
  }

  /** The first syllable that a word may begin with, as far as the next two tell when they stand beside it. */
  #seek(units: Uint16Array, from: number, length: number): number {
    const { leads, classes } = this.#automaton;
    let index = from;
    for (; index < length; index++) {
      const unit = units[index]!;
      if ((UNIT_KIND[unit]! & SYLLABLE) === 0 || classes[TRACKS.pinyin[unit]!] === 0) continue;
      if (index + 2 >= length) break;
      const [second, third] = [units[index + 1]!, units[index + 2]!];
      if ((UNIT_KIND[second]! & UNIT_KIND[third]! & SYLLABLE) === 0) break;
      if (mayLeadByThree(leads, TRACKS.pinyin[unit]!, TRACKS.pinyin[second]!, TRACKS.pinyin[third]!)) break;
    }
    return index;
  }

  /** The first place at which a match may begin that is not complete, or `otherwise`. */
  earliest(otherwise: number): number {
    return earliestStart(this.#automaton, this.#state, this.#trail, otherwise);
  }

  #report(state: number, end: number): void {
    forEachEntry(this.#automaton, state, (entry, units) => {
      this.#found.add(this.#automaton.entryRule[entry]!, this.#trail.starts[this.#trail.at(units)]!, end, false, true);
    });
  }
}
