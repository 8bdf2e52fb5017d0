import { AS_WRITTEN, COLLAPSED, LEFT, RIGHT, type Automaton } from './automaton.ts';
import type { Found } from './found.ts';
import { forEachEntry, hits, step } from './step.ts';
import { Trail } from './trail.ts';
import { MAX_REPEATS } from './unit-kind.ts';
import { beyondSpace, joined, mayBeParted, unparted } from './white-space.ts';

/** Follows a text in which a letter that is repeated stands once. It sleeps while no repeated letter is part of what may become a match. */
export class RepeatsTrack {
  readonly #automaton: Automaton;
  readonly #found: Found;
  /** Made for the first repeat: most texts have none that matters. */
  #trail: Trail | undefined;
  /** The number of the last unit that stands for several. */
  #collapsedAt = 0;
  state = 0;
  awake = false;

  constructor(automaton: Automaton, found: Found) {
    this.#automaton = automaton;
    this.#found = found;
  }

  get trail(): Trail {
    if (this.#trail === undefined) {
      this.#trail = new Trail(this.#automaton);
      this.#trail.streak = -1;
    }
    return this.#trail;
  }

  /** A letter that stood before as well; `plain` is the trail of the text as it is, `state` its state before this letter. */
  repeat(end: number, plain: Trail, state: number): void {
    if (!this.awake) {
      if (state === 0) return;
      this.trail.takeLast(plain, this.#automaton.depth[state]!);
      this.state = unparted(this.#automaton, state, this.trail);
      if (this.state === 0) return;
      this.awake = true;
    }
    const at = this.trail.at(1);
    this.trail.runs[at]!++;
    this.#collapsedAt = this.trail.count;
    if (this.trail.runs[at]! > MAX_REPEATS) this.awake = false;
    else if (hits(this.#automaton, this.state)) this.#report(end, RIGHT);
  }

  /** Another unit. */
  step(unit: number, start: number, end: number, afterWord: number, gap: number): void {
    this.trail.append(unit, start, afterWord, gap);
    this.state = unparted(this.#automaton, step(this.#automaton, this.state, unit), this.trail);
    this.awake = this.#automaton.depth[this.state]! > this.trail.count - this.#collapsedAt;
    if (this.awake && hits(this.#automaton, this.state)) this.#report(end, 0);
  }

  /** White space stands behind the last unit. */
  space(): void {
    this.state = beyondSpace(this.#automaton, this.state, this.trail);
    this.awake = this.#automaton.depth[this.state]! > this.trail.count - this.#collapsedAt;
  }

  sleep(): void {
    this.awake = false;
  }

  reset(): void {
    this.#trail?.reset();
    this.#collapsedAt = this.state = 0;
    this.awake = false;
  }

  /** What ends with a repeated letter is told again only when it waits for the end of a word: else it was told already. */
  #report(end: number, wanted: number): void {
    const { entryFlags, entryRule } = this.#automaton;
    const collapsed = this.trail.count - this.#collapsedAt;
    forEachEntry(this.#automaton, this.state, (entry, units) => {
      const flags = entryFlags[entry]!;
      const at = this.trail.at(units);
      if (units <= collapsed || (flags & wanted) !== wanted || flags & AS_WRITTEN || (flags & LEFT && this.trail.afterWord[at])) return;
      if (flags & COLLAPSED && !this.#runsSuffice(entry, units)) return;
      if (!joined(this.#automaton, entry, units, this.trail)) return;
      this.#found.add(entryRule[entry]!, this.trail.starts[at]!, end, (flags & RIGHT) !== 0, mayBeParted(this.#automaton, entry));
    });
  }

  #runsSuffice(entry: number, units: number): boolean {
    const { runs, entryRuns } = this.#automaton;
    for (let unit = 0; unit < units; unit++) {
      if (this.trail.runs[this.trail.at(units - unit)]! < runs[entryRuns[entry]! + unit]!) return false;
    }
    return true;
  }
}
