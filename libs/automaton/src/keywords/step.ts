import { AFTER_BOUNDARY, ANYWHERE, type Automaton } from './automaton.ts';
import type { Trail } from './trail.ts';

/** The state after one more unit. */
export function step({ classes, base, check, fail }: Automaton, state: number, unit: number): number {
  const unitClass = classes[unit]!;
  if (unitClass === 0) return 0;
  for (;;) {
    const next = base[state]! + unitClass;
    if (check[next] === state) return next;
    if (state === 0) return 0;
    state = fail[state]!;
  }
}

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
export function earliestStart({ depth, fail, onward }: Automaton, state: number, trail: Trail, otherwise: number): number {
  for (; state !== 0; state = fail[state]!) {
    const at = trail.at(depth[state]!);
    if (onward[state] === ANYWHERE || (onward[state] === AFTER_BOUNDARY && !trail.afterWord[at])) return Math.min(otherwise, trail.starts[at]!);
  }
  return otherwise;
}
