import type { Detector, Match } from '../detector.ts';
import { byStart, Counting } from './order-matches.ts';
import type { CountedMatch, Released, ReleasePolicy } from './release-policy.ts';

interface Span {
  readonly rule: number;
  readonly start: number;
  end: number;
}

/**
 * Releases of a text in pieces what is safe, at once, and holds the rest: what is emitted depends on the text alone, not
 * on where the pieces are cut, and its pieces joined are what `filterWhole` makes of the whole text. No part of a match
 * that blocks or masks leaves. A match is decided when the frontier of every detector lies behind its start: no match
 * that begins before it, and none that would permit it, can still come. A mask is final when the frontier has reached
 * its end: none that overlaps it can still come.
 */
export class ReleasingStream {
  readonly #detectors: readonly Detector[];
  readonly #policy: ReleasePolicy;
  #pending: Match[] = [];
  readonly #counting: Counting;
  #spans: Span[] = [];
  /** The text from `#base` on: what was neither released nor masked. */
  #held = '';
  #base = 0;
  #blockedAt: number | undefined;
  #blockedBy: number | undefined;

  constructor(detectors: readonly Detector[], policy: ReleasePolicy) {
    this.#detectors = detectors;
    this.#policy = policy;
    this.#counting = new Counting(policy.actions);
  }

  /** How many UTF-16 units wait. */
  get held(): number {
    return this.#held.length;
  }

  /** What may leave with this piece. Behind a block nothing does. */
  push(piece: string): Released {
    const matches: CountedMatch[] = [];
    let text = '';
    // No more at once than the hold could be too long after, so that this too does not depend on the cuts.
    for (let from = 0; from < piece.length && this.#blockedAt === undefined;) {
      const room = this.#policy.maxHold - this.#held.length + 1;
      const part = piece.length - from <= room ? (from === 0 ? piece : piece.slice(from)) : piece.slice(from, from + room);
      from += part.length;
      for (const detector of this.#detectors) detector.push(part);
      this.#held += part;
      text += this.#settle(this.#frontier(), matches);
      if (this.#blockedAt === undefined && this.#held.length > this.#policy.maxHold) this.#block(this.#base);
    }
    return this.#released(text, matches);
  }

  /** Nothing follows: all that was held is decided. */
  end(): Released {
    const matches: CountedMatch[] = [];
    if (this.#blockedAt !== undefined) return this.#released('', matches);
    for (const detector of this.#detectors) detector.end();
    return this.#released(this.#settle(Infinity, matches), matches);
  }

  #frontier(): number {
    let frontier = this.#base + this.#held.length;
    if ((this.#held.charCodeAt(this.#held.length - 1) & 0xfc00) === 0xd800) frontier--;
    for (const detector of this.#detectors) if (detector.frontier < frontier) frontier = detector.frontier;
    return frontier;
  }

  /** Decides what lies before the frontier; returns what leaves. */
  #settle(frontier: number, matches: CountedMatch[]): string {
    for (const detector of this.#detectors) detector.drain(this.#pending);
    if (this.#pending.length > 0) this.#decide(frontier, matches);
    const text = this.#emit(this.#blockedAt ?? frontier);
    if (this.#blockedAt !== undefined) this.#held = '';
    return text;
  }

  #decide(frontier: number, matches: CountedMatch[]): void {
    const decided = this.#pending.filter(({ start }) => start < frontier).sort(byStart);
    if (decided.length === 0) return;
    this.#pending = this.#pending.filter(({ start }) => start >= frontier);
    const { actions } = this.#policy;
    for (const match of this.#counting.pick(decided)) {
      const action = actions[match.rule];
      const { rule, start, end } = match;
      matches.push({ rule, start, end, text: this.#held.slice(start - this.#base, end - this.#base) });
      if (action === 'block') {
        this.#blockedAt = start;
        this.#blockedBy = rule;
        return;
      }
      if (action === 'mask') this.#mask(match);
    }
  }

  #mask({ rule, start, end }: Match): void {
    const last = this.#spans.at(-1);
    if (last && start < last.end) last.end = Math.max(last.end, end);
    else this.#spans.push({ rule, start, end });
  }

  #emit(limit: number): string {
    let text = '';
    let done = 0;
    for (const { rule, start, end } of this.#spans) {
      if (end > limit) {
        limit = Math.min(limit, start);
        break;
      }
      text += this.#take(start) + this.#policy.mask(rule, this.#take(end));
      done++;
    }
    if (done > 0) this.#spans = this.#spans.slice(done);
    return text + this.#take(limit);
  }

  /** The held text before an offset, which is held no longer. */
  #take(until: number): string {
    const units = Math.min(this.#held.length, until - this.#base);
    const text = this.#held.slice(0, units);
    this.#held = this.#held.slice(units);
    this.#base += units;
    return text;
  }

  #block(at: number): void {
    this.#blockedAt = at;
    this.#held = '';
  }

  #released(text: string, matches: readonly CountedMatch[]): Released {
    return {
      text,
      matches,
      ...(this.#blockedAt !== undefined && { blockedAt: this.#blockedAt }),
      ...(this.#blockedBy !== undefined && { blockedBy: this.#blockedBy }),
    };
  }
}
