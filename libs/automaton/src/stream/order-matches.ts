import type { Match } from '../detector.ts';
import type { RuleAction } from './release-policy.ts';

/** By start, the longest first, then by rule: the order does not depend on when a match was found. */
export const byStart = (a: Match, b: Match) => a.start - b.start || b.end - a.end || a.rule - b.rule;

/** Picks the matches that count of those of one text: all but the permitting ones, those inside of one, and those inside of another of their rule. */
export class Counting {
  readonly #actions: readonly RuleAction[];
  /** How far the matches reach that were seen: the permitting ones, and those of each rule. */
  #permittedUntil = 0;
  readonly #until: number[] = [];

  constructor(actions: readonly RuleAction[]) {
    this.#actions = actions;
  }

  /** `ordered` are ordered by start, and begin behind those that were seen. */
  pick(ordered: readonly Match[]): Match[] {
    const permits = ordered.filter(({ rule }) => this.#actions[rule] === 'allow');
    const counted: Match[] = [];
    let next = 0;
    for (const match of ordered) {
      const { rule, start, end } = match;
      while (next < permits.length && permits[next]!.start <= start) this.#permittedUntil = Math.max(this.#permittedUntil, permits[next++]!.end);
      if (end <= (this.#until[rule] ?? 0)) continue;
      this.#until[rule] = end;
      if (this.#actions[rule] !== 'allow' && end > this.#permittedUntil) counted.push(match);
    }
    return counted;
  }
}
