import { TRACKS } from '../normalise/tracks.ts';
import { AS_WRITTEN, COLLAPSED, LEFT, RIGHT, type Automaton } from './automaton.ts';
import type { Found } from './found.ts';
import { earliestStart, forEachEntry, hits, step } from './step.ts';
import type { Trail } from './trail.ts';
import { beyondSpace, joined, unparted } from './white-space.ts';

/** A short word of which most is digits is a number, not a word ("45s", "A55"). */
const SHORT_WORD_UNITS = 4;
/** So many readings of the same signs are followed at most: few words differ in nothing but i and l. */
const MOST_READINGS = 8;

/**
 * Follows a text in which signs are read as letters, in each way that they can be read: `1` and `!` are i or l, also
 * both in one word (8u11sh1t). It sleeps while no sign is part of what may become a match: then it would find what is
 * found in the text as it is.
 */
export class LeetTrack {
  readonly #automaton: Automaton;
  readonly #trail: Trail;
  readonly #found: Found;
  /** The states of the readings, the first `#count` of them, each once. */
  #states = new Int32Array(MOST_READINGS);
  #before = new Int32Array(MOST_READINGS);
  #count = 0;
  /** The number of the last unit that is a sign. */
  #readAt = 0;

  /** `trail` has the units as they are. */
  constructor(automaton: Automaton, trail: Trail, found: Found) {
    this.#automaton = automaton;
    this.#trail = trail;
    this.#found = found;
  }

  get awake(): boolean {
    return this.#count > 0;
  }

  /** One more unit, which is in the trail already; `followed` is the state of the text as it is before this unit. */
  step(unit: number, end: number, followed: number): void {
    const one = TRACKS.leetI[unit]!;
    const other = TRACKS.leetL[unit]!;
    if (one === unit && this.#count === 0) return;
    if (one !== unit) this.#readAt = this.#trail.count;
    if (this.#count === 0) this.#states[this.#count++] = followed;
    const count = this.#turn();
    for (let index = 0; index < count; index++) {
      this.#follow(unparted(this.#automaton, step(this.#automaton, this.#before[index]!, one), this.#trail));
      if (other !== one) this.#follow(unparted(this.#automaton, step(this.#automaton, this.#before[index]!, other), this.#trail));
    }
    for (let index = 0; index < this.#count; index++) if (hits(this.#automaton, this.#states[index]!)) this.#report(this.#states[index]!, end);
  }

  /** White space stands behind the last unit. */
  space(): void {
    const count = this.#turn();
    for (let index = 0; index < count; index++) this.#follow(beyondSpace(this.#automaton, this.#before[index]!, this.#trail));
  }

  sleep(): void {
    this.#count = 0;
  }

  reset(): void {
    this.#count = this.#readAt = 0;
  }

  /** The first place at which a match may begin that is not complete, or `otherwise`. */
  earliest(otherwise: number): number {
    for (let index = 0; index < this.#count; index++) otherwise = earliestStart(this.#automaton, this.#states[index]!, this.#trail, otherwise);
    return otherwise;
  }

  /** The states become those of before, and new ones are to be followed. */
  #turn(): number {
    const count = this.#count;
    [this.#states, this.#before] = [this.#before, this.#states];
    this.#count = 0;
    return count;
  }

  /** Only what a sign is part of. */
  #follow(state: number): void {
    if (this.#automaton.depth[state]! <= this.#trail.count - this.#readAt || this.#count === MOST_READINGS) return;
    for (let index = 0; index < this.#count; index++) if (this.#states[index] === state) return;
    this.#states[this.#count++] = state;
  }

  #report(state: number, end: number): void {
    const { entryFlags, entryRule } = this.#automaton;
    const trail = this.#trail;
    const altered = trail.count - this.#readAt;
    forEachEntry(this.#automaton, state, (entry, units) => {
      const flags = entryFlags[entry]!;
      const at = trail.at(units);
      if (units <= altered || flags & (COLLAPSED | AS_WRITTEN) || (flags & LEFT && trail.afterWord[at]) || !this.#likely(units) || !joined(this.#automaton, entry, units, trail)) return;
      this.#found.add(entryRule[entry]!, trail.starts[at]!, end, (flags & RIGHT) !== 0, true);
    });
  }

  #likely(units: number): boolean {
    let signs = 0;
    for (let back = 1; back <= units; back++) {
      const unit = this.#trail.units[this.#trail.at(back)]!;
      if (TRACKS.leetI[unit] !== unit) signs++;
    }
    return signs < units && (units >= SHORT_WORD_UNITS || signs * 2 <= units);
  }
}
