import { AS_WRITTEN, COLLAPSED, LEFT, RIGHT, type Automaton } from './automaton.ts';
import type { Found } from './found.ts';
import { forEachEntry, hits, step } from './step.ts';
import type { Trail } from './trail.ts';
import { beyondSpace, joined, unparted } from './white-space.ts';

/** A short word of which most is digits is a number, not a word ("45s", "A55"). */
const SHORT_WORD_UNITS = 4;

/**
 * Follows a text in which signs are read as letters. It sleeps while no sign is part of what may become a match: then
 * it would find what the track that it follows finds.
 */
export class LeetTrack {
  readonly #automaton: Automaton;
  readonly #reading: Uint16Array;
  readonly #apart: Uint16Array;
  readonly #trail: Trail;
  readonly #found: Found;
  /** The number of the last unit that is read otherwise than by the track that is followed. */
  #readAt = 0;
  state = 0;
  awake = false;

  /** `apart` is the reading of the track that is followed; `trail` has the units as they are. */
  constructor(automaton: Automaton, reading: Uint16Array, apart: Uint16Array, trail: Trail, found: Found) {
    this.#automaton = automaton;
    this.#reading = reading;
    this.#apart = apart;
    this.#trail = trail;
    this.#found = found;
  }

  /** One more unit, which is in the trail already; `followed` is the state of the other track before it. */
  step(unit: number, end: number, followed: number): void {
    const read = this.#reading[unit]!;
    const differs = read !== this.#apart[unit];
    if (!this.awake && !differs) return;
    if (differs) this.#readAt = this.#trail.count;
    this.state = unparted(this.#automaton, step(this.#automaton, this.awake ? this.state : followed, read), this.#trail);
    const altered = this.#trail.count - this.#readAt;
    this.awake = this.#automaton.depth[this.state]! > altered;
    if (this.awake && hits(this.#automaton, this.state)) this.#report(end, altered);
  }

  /** White space stands behind the last unit. */
  space(): void {
    this.state = beyondSpace(this.#automaton, this.state, this.#trail);
    this.awake = this.#automaton.depth[this.state]! > this.#trail.count - this.#readAt;
  }

  sleep(): void {
    this.awake = false;
  }

  #report(end: number, altered: number): void {
    const { entryFlags, entryRule } = this.#automaton;
    const trail = this.#trail;
    forEachEntry(this.#automaton, this.state, (entry, units) => {
      const flags = entryFlags[entry]!;
      const at = trail.at(units);
      if (units <= altered || flags & (COLLAPSED | AS_WRITTEN) || (flags & LEFT && trail.afterWord[at]) || !this.#likely(units) || !joined(this.#automaton, entry, units, trail)) return;
      this.#found.add(entryRule[entry]!, trail.starts[at]!, end, (flags & RIGHT) !== 0);
    });
  }

  #likely(units: number): boolean {
    let signs = 0;
    for (let back = 1; back <= units; back++) {
      const unit = this.#trail.units[this.#trail.at(back)]!;
      if (this.#reading[unit] !== unit) signs++;
    }
    return signs < units && (units >= SHORT_WORD_UNITS || signs * 2 <= units);
  }
}
