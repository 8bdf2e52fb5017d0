import { DROPPED, SPACE, type UnitBuffer } from '../normalise/unit-buffer.ts';
import { ANYWHERE, CHECK, COLLAPSED, ENDS_ANYWHERE, ENDS_WORD, FAIL, HIT, LEFT, RIGHT, type Automaton } from './automaton.ts';
import { BEGINS, BEGINS_ANYWHERE, IN_WORD, IRREGULAR, UNSEEN, WHOLE, mayBeWhole, mayLead, mayLeadByThree } from './first-look.ts';
import type { Found } from './found.ts';
import type { Trail } from './trail.ts';
import { MAX_SKIPPED, SKIPPED, UNIT_KIND } from './unit-kind.ts';

/** Shifts the bit IN_WORD to that of BEGINS. */
const IN_WORD_TO_BEGINS = 2;

/** What lies beyond a gap: nothing of the same word, or not there yet. */
const TOO_FAR = -1;
const UNKNOWN = -2;

/** From an index on, the first unit that stands for something. */
function beyondSkipped(units: Uint16Array, index: number, length: number): number {
  for (let skipped = 0; index < length; index++, skipped++) {
    if ((UNIT_KIND[units[index]!]! & SKIPPED) === 0) return index;
    if (skipped === MAX_SKIPPED) return TOO_FAR;
  }
  return UNKNOWN;
}

/**
 * Goes through what stands in unbroken rows, which is most of a text: units with one reading and nothing between them are
 * followed where they lie. The trail gets what is followed when something else comes, or the end of what is there.
 */
export class UnbrokenRows {
  readonly #automaton: Automaton;
  readonly #trail: Trail;
  readonly #found: Found;
  /** What is followed where it stopped; 0 when nothing is. */
  state = 0;
  /** Whether what stood last, but for DROPPED, was a word character. */
  inWord = false;
  /** The unit before the place where it stopped, when it is followed; or 0. */
  previous = 0;

  constructor(automaton: Automaton, trail: Trail, found: Found) {
    this.#automaton = automaton;
    this.#trail = trail;
    this.#found = found;
  }

  /**
   * From where nothing is followed, and nothing waits for what comes, to the first unit that needs a closer look, or to
   * where a match waits.
   * @param inWord of what stands before `from`
   */
  glide(buffer: UnitBuffer, from: number, inWord: boolean): number {
    const { look } = this.#automaton;
    this.state = this.previous = 0;
    this.inWord = inWord;
    for (let index = this.#seek(buffer, from); ; index = this.#seek(buffer, index)) {
      if (index === buffer.length || look[buffer.units[index]!]! & IRREGULAR) return index;
      index = this.#follow(buffer, index);
      if (this.state !== 0) return index;
    }
  }

  /** The first place at which a key may begin. Written out, as most of a text passes here. */
  #seek({ units, length }: UnitBuffer, from: number): number {
    const { look, leads } = this.#automaton;
    let wanted = this.inWord ? BEGINS_ANYWHERE : BEGINS | BEGINS_ANYWHERE;
    let index = from;
    for (; index < length; index++) {
      if (wanted === BEGINS_ANYWHERE) while (index < length && (look[units[index]!]! & (BEGINS_ANYWHERE | IN_WORD)) === IN_WORD) index++;
      if (index === length) break;
      const unit = units[index]!;
      const seen = look[unit]!;
      if ((seen & wanted) !== 0) {
        const next = index + 1 < length ? units[index + 1]! : unit;
        if (next === unit || ((seen | look[next]!) & IRREGULAR) !== 0 || (seen & WHOLE) !== 0) {
          if (this.#mayBegin(units, index, length)) break;
        } else if (mayLead(leads, unit, next) && this.#mayGoOn(units, index, index + 1, length)) {
          break;
        }
      }
      // BEGINS when it is not IN_WORD: a branch would be foretold wrongly at every second word.
      if ((seen & UNSEEN) === 0) wanted = BEGINS_ANYWHERE | (~(seen >>> IN_WORD_TO_BEGINS) & BEGINS);
    }
    this.inWord = wanted === BEGINS_ANYWHERE;
    return index;
  }

  /** Whether what stands at a place, and beyond a gap behind it, leaves it open; what may be read as something else, be a repeat, or is not there yet, does. */
  #mayBegin(units: Uint16Array, index: number, length: number): boolean {
    const { look, leads } = this.#automaton;
    const first = units[index]!;
    if (look[first]! & (IRREGULAR | WHOLE)) return true;
    const second = beyondSkipped(units, index + 1, length);
    if (second < 0) return second === UNKNOWN;
    const next = units[second]!;
    if (look[next]! & IRREGULAR || next === first) return true;
    return mayLead(leads, first, next) && this.#mayGoOn(units, index, second, length);
  }

  /** The same with the third unit, of two that may lead. */
  #mayGoOn(units: Uint16Array, first: number, second: number, length: number): boolean {
    const { look, leads } = this.#automaton;
    const unit = units[second]!;
    const third = second + 1 < length && (look[units[second + 1]!]! & IRREGULAR) === 0 ? second + 1 : beyondSkipped(units, second + 1, length);
    if (third === UNKNOWN || mayBeWhole(leads, units[first]!, unit)) return true;
    if (third < 0) return false;
    const next = units[third]!;
    return next === unit || (look[next]! & IRREGULAR) !== 0 || mayLeadByThree(leads, units[first]!, unit, next);
  }

  /** Follows what begins with a regular unit, as far as it goes on unbroken. Returns the index of the first unit that was not taken. */
  #follow(buffer: UnitBuffer, first: number): number {
    const { units, length } = buffer;
    const { look, classes, nodes, depth } = this.#automaton;
    let state = nodes[0]! + classes[units[first]!]!;
    let last = look[units[first]!]!;
    // Whether a key may begin behind the first unit: if not, what stands here goes on as it began, or is nothing.
    let inner = 0;
    for (let index = first + 1; ; index++) {
      const ends = nodes[4 * state + HIT]!;
      if (ends !== 0 && (inner !== 0 || ends & ENDS_ANYWHERE || (ends & ENDS_WORD && !this.#wordGoesOn(units, index, length)))) {
        this.#report(buffer, first, index, state);
        if (this.#found.waits) {
          this.#append(buffer, first, index, state);
          return this.#stop(units, index, state);
        }
      }
      // Beyond the end there is no unit: a read there would make all of them tagged values.
      const unit = index < length ? units[index]! : DROPPED;
      const seen = look[unit]!;
      if ((seen & IRREGULAR) !== 0 || (unit === units[index - 1] && (inner !== 0 || !this.#isPlainDouble(units, index, length, state)))) {
        if (inner === 0 && this.#endsAtGap(units, index, length, state)) return this.#lose(units, index);
        this.#append(buffer, first, index, state);
        return this.#stop(units, index, state);
      }
      inner |= seen & ((last & IN_WORD) !== 0 ? BEGINS_ANYWHERE : BEGINS | BEGINS_ANYWHERE);
      const next = nodes[4 * state]! + classes[unit]!;
      if (nodes[4 * next + CHECK] === state) {
        state = next;
      } else {
        if (inner === 0) return this.#lose(units, index);
        state = this.#suffix(units, index, state);
        if (depth[state]! <= 1) return this.#lose(units, index);
      }
      last = seen;
    }
  }

  /** Whether the next unit makes a longer word of what stands before it, whatever else is read. */
  #wordGoesOn(units: Uint16Array, index: number, length: number): boolean {
    if (index === length) return false;
    const unit = units[index]!;
    return (this.#automaton.look[unit]! & (IN_WORD | IRREGULAR)) === IN_WORD && unit !== units[index - 1];
  }

  /** Whether a letter that stands again is of no use when it is read once: no key ends before it, and none goes on behind it. */
  #isPlainDouble(units: Uint16Array, index: number, length: number, state: number): boolean {
    const { look, classes, nodes } = this.#automaton;
    if (index + 1 === length || nodes[4 * state + HIT] !== 0) return false;
    const unit = units[index + 1]!;
    if (unit === units[index]) return false;
    if ((look[unit]! & IRREGULAR) !== 0) return this.#endsAtGap(units, index + 1, length, state);
    return nodes[4 * (nodes[4 * state]! + classes[unit]!) + CHECK] !== state;
  }

  /**
   * Whether what is followed up to a gap, and nothing that begins behind its first unit, ends there: no key goes on with
   * what stands beyond it, or none that white space may part there.
   */
  #endsAtGap(units: Uint16Array, index: number, length: number, state: number): boolean {
    const { look, classes, nodes, segment, openAfter } = this.#automaton;
    if (index === length || (UNIT_KIND[units[index]!]! & SKIPPED) === 0) return false;
    if (units[index] === SPACE && openAfter[state] === 0 && segment[state]! > 1) return true;
    const beyond = beyondSkipped(units, index + 1, length);
    if (beyond < 0) return beyond === TOO_FAR;
    const unit = units[beyond]!;
    if (look[unit]! & IRREGULAR || unit === units[index - 1]) return false;
    const next = nodes[4 * state]! + classes[unit]!;
    if (nodes[4 * next + CHECK] !== state) return true;
    // A letter that follows at once spells nothing out.
    if (units[index] !== SPACE || nodes[4 * next + HIT] !== 0 || beyond + 1 === length) return false;
    const second = units[beyond + 1]!;
    if (look[second]! & IRREGULAR || second === unit) return false;
    const after = nodes[4 * next]! + classes[second]!;
    return nodes[4 * after + CHECK] !== next || segment[after]! > 2;
  }

  /** The state of the longest suffix that can still become a match: inside of a word none begins that wants a boundary. */
  #suffix(units: Uint16Array, index: number, state: number): number {
    const { classes, nodes, depth, onward, out, look } = this.#automaton;
    const unitClass = classes[units[index]!]!;
    let next = 0;
    while (state !== 0) {
      state = nodes[4 * state + FAIL]!;
      next = nodes[4 * state]! + unitClass;
      if (nodes[4 * next + CHECK] === state) break;
      next = 0;
    }
    while (next !== 0 && onward[next] !== ANYWHERE && out[next] === 0 && look[units[index - depth[next]!]!]! & IN_WORD) next = nodes[4 * next + FAIL]!;
    return next;
  }

  /** Nothing is followed any more: where one of these units begins a key by itself, it is looked at again. */
  #lose(units: Uint16Array, index: number): number {
    this.state = 0;
    this.inWord = (this.#automaton.look[units[index - 1]!]! & IN_WORD) !== 0;
    return index;
  }

  #stop(units: Uint16Array, index: number, state: number): number {
    this.state = state;
    this.previous = units[index - 1]!;
    this.inWord = (this.#automaton.look[this.previous]! & IN_WORD) !== 0;
    return index;
  }

  /** Tells the words that end before an index, as they are written: nothing stands between their units. */
  #report({ units, starts, ends }: UnitBuffer, first: number, index: number, state: number): void {
    const { look, out, outLink, keyLength, entryAt, entryFlags, entryRule } = this.#automaton;
    for (let from = out[state] !== 0 ? state : outLink[state]!; from !== 0; from = outLink[from]!) {
      const key = out[from]!;
      const at = index - keyLength[key]!;
      const afterWord = at === first ? this.inWord : (look[units[at - 1]!]! & IN_WORD) !== 0;
      const excluded = afterWord ? LEFT | COLLAPSED : COLLAPSED;
      for (let entry = entryAt[key]!; entry < entryAt[key + 1]!; entry++) {
        const flags = entryFlags[entry]!;
        if ((flags & excluded) === 0) this.#found.add(entryRule[entry]!, starts[at]!, ends[index - 1]!, (flags & RIGHT) !== 0, true);
      }
    }
  }

  /** The last units as far as the state is about them. */
  #append({ units, starts }: UnitBuffer, first: number, until: number, state: number): void {
    const { look, depth } = this.#automaton;
    for (let index = Math.max(first, until - depth[state]!); index < until; index++) {
      const inWord = index === first ? this.inWord : (look[units[index - 1]!]! & IN_WORD) !== 0;
      this.#trail.append(units[index]!, starts[index]!, inWord ? 1 : 0, 0);
    }
  }
}
