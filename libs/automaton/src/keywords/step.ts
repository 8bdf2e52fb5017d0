import type { Automaton } from './automaton.ts';

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
