import type { TextMatch } from './policy.ts';

/** Offsets in a text; `end` is exclusive. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/** The places of a text that are masked, told before the text around them is decided. */
export class MaskedSpans {
  readonly #isMasked: (rule: number) => boolean;
  #spans: Span[] = [];

  constructor(isMasked: (rule: number) => boolean) {
    this.#isMasked = isMasked;
  }

  add(matches: readonly TextMatch[]): void {
    for (const match of matches) if (this.#isMasked(match.rule)) this.#spans.push(match);
  }

  /**
   * The part of a text that does not leave as it came; undefined when all of it does. What stands before and behind the
   * part is the same in both. Called once for each stretch, in order.
   *
   * @param source what came, beginning at the offset `from`
   * @param released what leaves of it
   */
  changed(source: string, released: string, from: number): Span | undefined {
    const through = from + source.length;
    const masked = this.#spans.filter(({ start }) => start < through);
    if (masked.length > 0) this.#spans = this.#spans.filter(({ end }) => end > through);
    const whole = { start: from, end: through };
    if (masked.length === 0) return released === source ? undefined : whole;
    const start = Math.max(from, Math.min(...masked.map((span) => span.start)));
    const end = Math.min(through, Math.max(...masked.map((span) => span.end)));
    const head = source.slice(0, start - from);
    const tail = source.slice(end - from);
    const fits = end > start && released.length >= head.length + tail.length && released.startsWith(head) && released.endsWith(tail);
    return fits ? { start, end } : whole;
  }
}
