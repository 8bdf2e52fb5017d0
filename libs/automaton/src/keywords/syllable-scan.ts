import { TRACKS } from '../normalise/tracks.ts';
import type { UnitBuffer } from '../normalise/unit-buffer.ts';
import type { Automaton } from './automaton.ts';
import type { Found } from './found.ts';
import { earliestStart, forEachEntry, hits, step } from './step.ts';
import { Trail } from './trail.ts';
import { MAX_SKIPPED, SKIPPED, SYLLABLE, UNIT_KIND } from './unit-kind.ts';

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

  scan({ units, starts, ends, length }: UnitBuffer): void {
    let state = this.#state;
    for (let index = 0; index < length; index++) {
      if (state === 0) {
        while (index < length && (UNIT_KIND[units[index]!]! & SYLLABLE) === 0) index++;
        if (index === length) break;
      }
      const unit = units[index]!;
      const kind = UNIT_KIND[unit]!;
      if (kind & SYLLABLE) {
        this.#skipped = 0;
        state = step(this.#automaton, state, TRACKS.pinyin[unit]!);
        this.#trail.append(unit, starts[index]!, 0, 0);
        if (hits(this.#automaton, state)) this.#report(state, ends[index]!);
      } else if (state !== 0 && (!(kind & SKIPPED) || ++this.#skipped > MAX_SKIPPED)) {
        state = 0;
      }
    }
    this.#state = state;
  }

  /** The first place at which a match may begin that is not complete, or `otherwise`. */
  earliest(otherwise: number): number {
    return earliestStart(this.#automaton, this.#state, this.#trail, otherwise);
  }

  #report(state: number, end: number): void {
    forEachEntry(this.#automaton, state, (entry, units) => {
      this.#found.add(this.#automaton.entryRule[entry]!, this.#trail.starts[this.#trail.at(units)]!, end, false);
    });
  }
}
