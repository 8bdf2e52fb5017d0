import { TRACKS } from '../normalise/tracks.ts';
import { DROPPED, NOISE, type UnitBuffer } from '../normalise/unit-buffer.ts';
import { COLLAPSED, LEFT, RIGHT, type Automaton } from './automaton.ts';
import type { Found } from './found.ts';
import { LeetTrack } from './leet-track.ts';
import { RepeatsTrack } from './repeats-track.ts';
import { earliestStart, forEachEntry } from './step.ts';
import { Trail } from './trail.ts';
import { LEET, MAX_SKIPPED, REPEATABLE, SKIPPED, UNIT_KIND, WORD } from './unit-kind.ts';

const AS_IT_IS = Uint16Array.from({ length: 0x10000 }, (_, unit) => unit);

/**
 * Looks for the words of one automaton in units: as they are, with signs read as letters, with repeats collapsed. The
 * other readings cost next to nothing until a sign or a repeat stands in what may become a match.
 */
export class WordScan {
  readonly #automaton: Automaton;
  readonly #found: Found;
  readonly #trail: Trail;
  readonly #leetI: LeetTrack;
  readonly #leetL: LeetTrack;
  readonly #repeats: RepeatsTrack;
  #state = 0;
  #skipped = 0;
  /** The unit that stood directly before, but for DROPPED; 0 when there is none. */
  #previous = 0;
  /** 1 when what stood last, but for DROPPED, was a word character. */
  #afterWord = 0;

  constructor(automaton: Automaton, found: Found) {
    this.#automaton = automaton;
    this.#found = found;
    this.#trail = new Trail(automaton);
    this.#leetI = new LeetTrack(automaton, TRACKS.leetI, AS_IT_IS, this.#trail, found);
    this.#leetL = new LeetTrack(automaton, TRACKS.leetL, TRACKS.leetI, this.#trail, found);
    this.#repeats = new RepeatsTrack(automaton, found);
  }

  scan(buffer: UnitBuffer): void {
    const { units, starts, ends, length } = buffer;
    const { classes, base, check, fail, hit } = this.#automaton;
    const trail = this.#trail;
    const { units: trailUnits, starts: trailStarts, afterWord: trailAfterWord } = trail;
    let state = this.#state;
    let afterWord = this.#afterWord;
    for (let index = 0; index < length; index++) {
      const unit = units[index]!;
      const kind = UNIT_KIND[unit]!;
      if (kind & SKIPPED) {
        if (unit === NOISE) afterWord = this.#previous = 0;
        if (this.#skip(unit)) state = 0;
        continue;
      }
      const before = state;
      const at = trail.count++ & trail.wrap;
      trailUnits[at] = unit;
      trailStarts[at] = starts[index]!;
      trailAfterWord[at] = afterWord;
      const unitClass = classes[unit]!;
      if (unitClass === 0) {
        state = 0;
      } else {
        for (;;) {
          const next = base[state]! + unitClass;
          if (check[next] === state) {
            state = next;
            break;
          }
          if (state === 0) break;
          state = fail[state]!;
        }
      }
      if (this.#found.waits) this.#found.decide((kind & WORD) === 0);
      const repeated = unit === this.#previous && (kind & REPEATABLE) !== 0;
      if (repeated || this.#repeats.awake) this.#stepRepeats(repeated, unit, starts[index]!, ends[index]!, afterWord, before);
      if (kind & LEET || this.#leetI.awake || this.#leetL.awake) this.#stepLeet(unit, ends[index]!, before);
      if (hit[state]) this.#report(state, ends[index]!);
      this.#previous = unit;
      this.#skipped = 0;
      afterWord = kind & WORD;
    }
    this.#state = state;
    this.#afterWord = afterWord;
  }

  /** The first place at which a match may begin that is not complete, or `otherwise`. */
  earliest(otherwise: number): number {
    otherwise = earliestStart(this.#automaton, this.#state, this.#trail, otherwise);
    if (this.#leetI.awake) otherwise = earliestStart(this.#automaton, this.#leetI.state, this.#trail, otherwise);
    if (this.#leetL.awake) otherwise = earliestStart(this.#automaton, this.#leetL.state, this.#trail, otherwise);
    return this.#repeats.awake ? earliestStart(this.#automaton, this.#repeats.state, this.#repeats.trail, otherwise) : otherwise;
  }

  /** A unit that stands for nothing. True when it is one too many: no word goes on behind it. */
  #skip(unit: number): boolean {
    const over = ++this.#skipped > MAX_SKIPPED;
    if (this.#found.waits && (over || unit !== DROPPED)) this.#found.decide(true);
    if (!over) return false;
    this.#previous = 0;
    this.#leetI.sleep();
    this.#leetL.sleep();
    this.#repeats.sleep();
    return true;
  }

  #stepRepeats(repeated: boolean, unit: number, start: number, end: number, afterWord: number, before: number): void {
    if (!repeated) return this.#repeats.step(unit, start, end, afterWord);
    this.#trail.count--;
    this.#repeats.repeat(end, this.#trail, before);
    this.#trail.count++;
  }

  #stepLeet(unit: number, end: number, before: number): void {
    const beforeI = this.#leetI.awake ? this.#leetI.state : before;
    this.#leetI.step(unit, end, before);
    this.#leetL.step(unit, end, beforeI);
  }

  #report(state: number, end: number): void {
    const { entryFlags, entryRule } = this.#automaton;
    const trail = this.#trail;
    forEachEntry(this.#automaton, state, (entry, units) => {
      const flags = entryFlags[entry]!;
      const at = trail.at(units);
      if (flags & COLLAPSED || (flags & LEFT && trail.afterWord[at])) return;
      this.#found.add(entryRule[entry]!, trail.starts[at]!, end, (flags & RIGHT) !== 0);
    });
  }
}
