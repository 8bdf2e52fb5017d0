import { AFTER_BOUNDARY, ANYWHERE, FAIL, FREE, type Automaton } from './automaton.ts';
import { SPACED, type Trail } from './trail.ts';

/*
 * Where white space may stand in a word. A word falls into segments: white space may stand between two of them, which is
 * where it was listed with a separator, and beside a unit that is no letter of a spaced script (Han). Inside of a segment
 * it may stand when the segment is spelled out: when something stands between every two of its letters.
 */

/** The longest suffix of a state that white space does not part. */
export function unparted({ nodes, segment }: Automaton, state: number, trail: Trail): number {
  const { sinceSpace, streak } = trail;
  for (; state !== 0; state = nodes[4 * state + FAIL]!) {
    const joints = segment[state]! - 1;
    if (sinceSpace >= joints || streak >= joints) return state;
  }
  return 0;
}

/** The longest suffix of a state that may become a match although white space follows. */
export function beyondSpace({ depth, nodes, onward, openAfter, segment }: Automaton, state: number, trail: Trail): number {
  for (; state !== 0; state = nodes[4 * state + FAIL]!) {
    const afterWord = trail.afterWord[trail.at(depth[state]!)] !== 0;
    if (goesOn(openAfter[state]!, afterWord) || (trail.streak >= segment[state]! - 1 && goesOn(onward[state]!, afterWord))) return state;
  }
  return 0;
}

const goesOn = (level: number, afterWord: boolean): boolean => level === ANYWHERE || (level === AFTER_BOUNDARY && !afterWord);

/** Whether a word has a place where white space may stand: it was listed with a separator there, or is of a script without spaces. */
export const mayBeParted = ({ entryFlags, entryJoints }: Automaton, entry: number): boolean => (entryFlags[entry]! & FREE) !== 0 || entryJoints[entry] !== 0;

/** Whether white space stands in the last units only where this word lets it. */
export function joined({ entryFlags, entryJoints, joints }: Automaton, entry: number, units: number, trail: Trail): boolean {
  if (trail.sinceSpace > units - 2 || entryFlags[entry]! & FREE) return true;
  const first = entryJoints[entry]!;
  const spellable = trail.streak >= 0;
  let spaced = false;
  let bare = !spellable;
  for (let unit = 1; unit < units; unit++) {
    if (joints[first + unit] !== 0) {
      if (spaced && bare) return false;
      spaced = false;
      bare = !spellable;
      continue;
    }
    const gap = trail.gaps[trail.at(units - unit)]!;
    if (gap === SPACED) spaced = true;
    if (gap === 0) bare = true;
  }
  return !(spaced && bare);
}
