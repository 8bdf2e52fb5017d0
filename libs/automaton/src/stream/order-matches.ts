import type { Match } from '../detector.ts';
import type { RuleAction } from './release-policy.ts';

/** By start, the longest first, then by rule: the order does not depend on when a match was found. */
export const byStart = (a: Match, b: Match) => a.start - b.start || b.end - a.end || a.rule - b.rule;

/**
 * The matches that count, of some that are ordered by start: all but the permitting ones and those inside of one.
 * `permittedUntil` is how far the permitting ones reach that begin before all of these, and, returned, these too.
 */
export function counting(ordered: readonly Match[], actions: readonly RuleAction[], permittedUntil: number): { counted: Match[]; permittedUntil: number } {
  const permits = ordered.filter(({ rule }) => actions[rule] === 'allow');
  const counted: Match[] = [];
  let next = 0;
  for (const match of ordered) {
    while (next < permits.length && permits[next]!.start <= match.start) permittedUntil = Math.max(permittedUntil, permits[next++]!.end);
    if (actions[match.rule] !== 'allow' && match.end > permittedUntil) counted.push(match);
  }
  return { counted, permittedUntil };
}
