import { COMPARE_ALL_LIMIT } from './limits.ts';

/**
 * The one with the fewest running calls; among equals a random one, so that processes which know nothing of each other
 * do not all choose the same. Of many, two random ones are compared, which spreads nearly as well (Mitzenmacher, "The
 * power of two choices in randomized load balancing", 2001) and does not stampede.
 */
export function chooseLeastLoaded<T extends { readonly inFlight: number }>(candidates: readonly T[], random: (bound: number) => number): T | undefined {
  const { length } = candidates;
  const first = length > 1 ? random(length) : 0;
  if (length > COMPARE_ALL_LIMIT) {
    const a = candidates[first]!;
    const b = candidates[(first + 1 + random(length - 1)) % length]!;
    return b.inFlight < a.inFlight ? b : a;
  }
  let best = candidates[first];
  for (let step = 1; step < length; step++) {
    const candidate = candidates[(first + step) % length]!;
    if (candidate.inFlight < best!.inFlight) best = candidate;
  }
  return best;
}
