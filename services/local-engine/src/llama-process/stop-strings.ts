export interface Released {
  readonly text: string;
  /** True when a stop string was completed: `text` ends before it and nothing comes after. */
  readonly stopped: boolean;
}

/**
 * Lets text through up to the first stop string that is completed, wherever the text is cut into pieces.
 * Holds back only what may still become a stop string. Of several completed by the same character the longest counts.
 */
export class StopStrings {
  readonly #stops: readonly string[];
  #held = '';

  constructor(stops: readonly string[]) {
    this.#stops = [...stops].sort((a, b) => b.length - a.length);
  }

  push(text: string): Released {
    if (this.#stops.length === 0) return { text, stopped: false };
    for (const unit of text.split('')) {
      this.#held += unit;
      const stop = this.#stops.find((candidate) => this.#held.endsWith(candidate));
      if (stop === undefined) continue;
      const before = this.#held.slice(0, -stop.length);
      this.#held = '';
      return { text: before, stopped: true };
    }
    return { text: this.#release(), stopped: false };
  }

  /** What was held back, at the end of the text. */
  flush(): string {
    const held = this.#held;
    this.#held = '';
    return held;
  }

  #release(): string {
    const keep = this.#longestPrefixAtEnd();
    const text = this.#held.slice(0, this.#held.length - keep);
    this.#held = this.#held.slice(this.#held.length - keep);
    return text;
  }

  #longestPrefixAtEnd(): number {
    const longest = Math.min(this.#held.length, (this.#stops[0]?.length ?? 0) - 1);
    for (let length = longest; length > 0; length--) {
      const end = this.#held.slice(-length);
      if (this.#stops.some((stop) => stop.startsWith(end))) return length;
    }
    return 0;
  }
}
