import { AFTER_BOUNDARY, ANYWHERE, CHECK, FAIL, HIT, type Automaton } from './automaton.ts';
import type { Trail } from './trail.ts';

/** The state after one more unit. */
export function step({ classes, nodes }: Automaton, state: number, unit: number): number {
  const unitClass = classes[unit]!;
  if (unitClass === 0) return 0;
  for (;;) {
    const next = nodes[4 * state]! + unitClass;
    if (nodes[4 * next + CHECK] === state) return next;
    if (state === 0) return 0;
    state = nodes[4 * state + FAIL]!;
  }
}

/** Whether any key ends in a state. */
export const hits = ({ nodes }: Automaton, state: number) => nodes[4 * state + HIT] !== 0;

/** Calls for each entry of each key that ends in a state. */
export function forEachEntry({ out, outLink, keyLength, entryAt }: Automaton, state: number, call: (entry: number, units: number) => void): void {
  for (let at = out[state] ? state : outLink[state]!; at !== 0; at = outLink[at]!) {
    const key = out[at]!;
    for (let entry = entryAt[key]!; entry < entryAt[key + 1]!; entry++) call(entry, keyLength[key]!);
  }
}

/**
 * Where the longest key may begin that is not complete in a state, or `otherwise`: the exact frontier. Nothing before it
 * can belong to a match still to come, and what stands there begins a key, so that some text would complete it.
 */
export function earliestStart({ depth, nodes, onward }: Automaton, state: number, trail: Trail, otherwise: number): number {
  for (; state !== 0; state = nodes[4 * state + FAIL]!) {
    const at = trail.at(depth[state]!);
    if (onward[state] === ANYWHERE || (onward[state] === AFTER_BOUNDARY && !trail.afterWord[at])) return Math.min(otherwise, trail.starts[at]!);
  }
  return otherwise;
}
