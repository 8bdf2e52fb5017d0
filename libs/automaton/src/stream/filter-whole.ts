import type { Detector, Match } from '../detector.ts';
import { byStart, Counting } from './order-matches.ts';
import type { CountedMatch, Released, ReleasePolicy } from './release-policy.ts';

/** What may leave of a text that is known as a whole. The detectors are used up. */
export function filterWhole(text: string, detectors: readonly Detector[], { actions, mask }: Pick<ReleasePolicy, 'actions' | 'mask'>): Released {
  const found: Match[] = [];
  for (const detector of detectors) {
    detector.push(text);
    detector.end();
    detector.drain(found);
  }
  found.sort(byStart);
  const counted = new Counting(actions).pick(found);
  const blocking = counted.findIndex(({ rule }) => actions[rule] === 'block');
  if (blocking >= 0) counted.length = blocking + 1;
  const blocker = blocking < 0 ? undefined : counted[blocking]!;
  const limit = blocker?.start ?? text.length;
  const matches: CountedMatch[] = [];
  for (const { rule, start, end } of counted) matches.push({ rule, start, end, text: text.slice(start, end) });
  return { text: maskedUntil(limit, text, counted, { actions, mask }), matches, ...(blocker && { blockedAt: limit, blockedBy: blocker.rule }) };
}

/** The text before a limit, with what is masked as its rule does it; of what reaches beyond the limit nothing is left. Overlapping matches are one. `counted` is ordered by start. */
function maskedUntil(limit: number, text: string, counted: readonly Match[], { actions, mask }: Pick<ReleasePolicy, 'actions' | 'mask'>): string {
  let released = '';
  let at = 0;
  for (let index = 0; index < counted.length;) {
    const { rule, start, end } = counted[index++]!;
    if (actions[rule] !== 'mask') continue;
    let until = end;
    for (; index < counted.length && counted[index]!.start < until; index++) if (actions[counted[index]!.rule] === 'mask') until = Math.max(until, counted[index]!.end);
    released += text.slice(at, start);
    at = until;
    if (until > limit) return released;
    released += mask(rule, text.slice(start, until));
  }
  return released + text.slice(at, limit);
}
