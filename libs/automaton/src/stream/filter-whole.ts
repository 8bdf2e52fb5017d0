import type { Detector, Match } from '../detector.ts';
import { byStart, Counting } from './order-matches.ts';
import type { Released, ReleasePolicy } from './release-policy.ts';

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
  const matches = (blocking < 0 ? counted : counted.slice(0, blocking + 1)).map(({ rule, start, end }) => ({ rule, start, end, text: text.slice(start, end) }));
  const blocker = blocking < 0 ? undefined : counted[blocking]!;
  const limit = blocker?.start ?? text.length;

  let released = '';
  let at = 0;
  for (const { rule, start, end } of unions(matches.filter((match) => actions[match.rule] === 'mask'))) {
    released += text.slice(at, start);
    at = end;
    if (end > limit) break;
    released += mask(rule, text.slice(start, end));
  }
  released += text.slice(at, Math.max(at, limit));
  return { text: released, matches, ...(blocker && { blockedAt: limit, blockedBy: blocker.rule }) };
}

/** Overlapping matches as one; `masked` is ordered by start. */
function unions(masked: readonly Match[]): Match[] {
  const spans: { rule: number; start: number; end: number }[] = [];
  for (const { rule, start, end } of masked) {
    const last = spans.at(-1);
    if (last && start < last.end) last.end = Math.max(last.end, end);
    else spans.push({ rule, start, end });
  }
  return spans;
}
