import { DROPPED, SPACE, type UnitBuffer } from '../normalise/unit-buffer.ts';
import { ANYWHERE, CHECK, COLLAPSED, FAIL, HIT, LEFT, RIGHT, type Automaton } from './automaton.ts';
import type { Found } from './found.ts';
import { LeetTrack } from './leet-track.ts';
import { RepeatsTrack } from './repeats-track.ts';
import { earliestStart, step } from './step.ts';
import { PARTED, SPACED, Trail } from './trail.ts';
import { UnbrokenRows } from './unbroken-rows.ts';
import { LEET, MAX_SKIPPED, REPEATABLE, SKIPPED, UNIT_KIND, WORD } from './unit-kind.ts';
import { beyondSpace, joined, mayBeParted, unparted } from './white-space.ts';

/**
 * Looks for the words of one automaton in units: as they are, with signs read as letters, with repeats collapsed. The
 * other readings cost next to nothing until a sign or a repeat stands in what may become a match.
 */
export class WordScan {
  readonly #automaton: Automaton;
  readonly #found: Found;
  readonly #trail: Trail;
  readonly #leet: LeetTrack;
  readonly #repeats: RepeatsTrack;
  readonly #rows: UnbrokenRows;
  #state = 0;
  #skipped = 0;
  /** What stands between the last unit and the next: nothing, `PARTED` or `SPACED`. */
  #gap = 0;
  /** The unit that stood directly before, but for DROPPED; 0 when there is none. */
  #previous = 0;
  /** 1 when what stood last, but for DROPPED, was a word character. */
  #afterWord = 0;

  constructor(automaton: Automaton, found: Found) {
    this.#automaton = automaton;
    this.#found = found;
    this.#trail = new Trail(automaton);
    this.#leet = new LeetTrack(automaton, this.#trail, found);
    this.#repeats = new RepeatsTrack(automaton, found);
    this.#rows = new UnbrokenRows(automaton, this.#trail, found);
  }

  /** What comes next is the beginning of another text. */
  reset(): void {
    this.#trail.reset();
    this.#leet.reset();
    this.#repeats.reset();
    this.#state = this.#skipped = this.#gap = this.#previous = this.#afterWord = 0;
  }

  scan(buffer: UnitBuffer): void {
    const { units, starts, ends, length } = buffer;
    const { nodes, onward, depth } = this.#automaton;
    const trail = this.#trail;
    const rows = this.#rows;
    let state = this.#state;
    let afterWord = this.#afterWord;
    let previous = this.#previous;
    let skipped = this.#skipped;
    let gap = this.#gap;
    // Whether white space may stand in what is followed.
    let spaced = gap === SPACED || depth[state]! > trail.sinceSpace + 1;
    let busy = this.#isBusy();
    for (let index = 0; index < length; index++) {
      if (state === 0 && !busy) {
        index = rows.glide(buffer, index, afterWord !== 0);
        ({ state, previous } = rows);
        afterWord = rows.inWord ? WORD : 0;
        skipped = gap = 0;
        spaced = false;
        busy = this.#isBusy();
        if (index === length) break;
      }
      const unit = units[index]!;
      const kind = UNIT_KIND[unit]!;
      if (kind & SKIPPED) {
        if (unit !== DROPPED) afterWord = previous = 0;
        gap = unit === SPACE ? SPACED : gap || PARTED;
        if (++skipped > MAX_SKIPPED) state = 0;
        else if (unit === SPACE && state !== 0) state = beyondSpace(this.#automaton, state, trail);
        spaced ||= unit === SPACE;
        if (busy) busy = this.#skip(unit, skipped);
        continue;
      }
      const repeated = unit === previous && (kind & REPEATABLE) !== 0;
      const before = state;
      const next = step(this.#automaton, state, unit);
      const goesOn = nodes[4 * next + CHECK] === state && state !== 0;
      if (depth[next]! <= 1 && !busy && !repeated && !(kind & LEET)) {
        // Nothing of what was followed goes on: what begins here may stand in an unbroken row.
        state = 0;
        index--;
        continue;
      }
      trail.append(unit, starts[index]!, afterWord, gap);
      state = spaced ? unparted(this.#automaton, next, trail) : next;
      if (!goesOn && afterWord !== 0 && onward[state] !== ANYWHERE) state = this.#viable(state);
      if (busy || repeated || kind & LEET) busy = this.#stepOthers(repeated, kind, unit, starts[index]!, ends[index]!, afterWord, gap, before);
      if (nodes[4 * state + HIT]) busy = this.#report(state, ends[index]!) || busy;
      previous = unit;
      skipped = gap = 0;
      afterWord = kind & WORD;
    }
    this.#state = state;
    this.#afterWord = afterWord;
    this.#previous = previous;
    this.#skipped = skipped;
    this.#gap = gap;
  }

  /** The first place at which a match may begin that is not complete, or `otherwise`. */
  earliest(otherwise: number): number {
    otherwise = earliestStart(this.#automaton, this.#state, this.#trail, otherwise);
    otherwise = this.#leet.earliest(otherwise);
    return this.#repeats.awake ? earliestStart(this.#automaton, this.#repeats.state, this.#repeats.trail, otherwise) : otherwise;
  }

  /** Whether a unit concerns more than the words as they are. */
  #isBusy(): boolean {
    return this.#found.waits || this.#repeats.awake || this.#leet.awake;
  }

  /**
   * The longest suffix of a state that can still become a match: inside of a word none begins that wants a boundary.
   * It spares most of the way through a text of letters.
   */
  #viable(state: number): number {
    const { depth, nodes, onward, out } = this.#automaton;
    const { afterWord } = this.#trail;
    while (state !== 0 && onward[state] !== ANYWHERE && out[state] === 0 && afterWord[this.#trail.at(depth[state]!)]) state = nodes[4 * state + FAIL]!;
    return state;
  }

  /** A unit that stands for nothing, while there is something to tell. */
  #skip(unit: number, skipped: number): boolean {
    const over = skipped > MAX_SKIPPED;
    if (this.#found.waits && (over || unit !== DROPPED)) this.#found.decide(true);
    if (over) {
      this.#leet.sleep();
      this.#repeats.sleep();
    } else if (unit === SPACE) {
      if (this.#leet.awake) this.#leet.space();
      if (this.#repeats.awake) this.#repeats.space();
    }
    return this.#isBusy();
  }

  /** One more unit for the other readings, and for what waited for it; `before` is the state that it was met in. */
  #stepOthers(repeated: boolean, kind: number, unit: number, start: number, end: number, afterWord: number, gap: number, before: number): boolean {
    if (this.#found.waits) this.#found.decide((kind & WORD) === 0);
    if (repeated) this.#repeat(end, before);
    else if (this.#repeats.awake) this.#repeats.step(unit, start, end, afterWord, gap);
    if (kind & LEET || this.#leet.awake) this.#leet.step(unit, end, before);
    return this.#isBusy();
  }

  /** The trail has this letter already: the repeats begin from what stood before it. */
  #repeat(end: number, before: number): void {
    this.#trail.count--;
    this.#repeats.repeat(end, this.#trail, before);
    this.#trail.count++;
  }

  /** Tells the words that end in a state, as they are written. True when a match waits for what follows. Written out, as a text of letters has many words inside of others. */
  #report(state: number, end: number): boolean {
    const { out, outLink, keyLength, entryAt, entryFlags, entryRule } = this.#automaton;
    const trail = this.#trail;
    for (let from = out[state] !== 0 ? state : outLink[state]!; from !== 0; from = outLink[from]!) {
      const key = out[from]!;
      const units = keyLength[key]!;
      const at = trail.at(units);
      const excluded = trail.afterWord[at] ? LEFT | COLLAPSED : COLLAPSED;
      for (let entry = entryAt[key]!; entry < entryAt[key + 1]!; entry++) {
        const flags = entryFlags[entry]!;
        if (!(flags & excluded) && joined(this.#automaton, entry, units, trail)) this.#found.add(entryRule[entry]!, trail.starts[at]!, end, (flags & RIGHT) !== 0, mayBeParted(this.#automaton, entry));
      }
    }
    return this.#found.waits;
  }
}
