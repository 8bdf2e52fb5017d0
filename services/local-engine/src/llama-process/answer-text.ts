import type { TokenLogprobs } from '@sluice/kserve';
import type { Token } from 'node-llama-cpp';
import { StopStrings } from './stop-strings.ts';
import type { TokenText } from './token-text.ts';

export interface Added {
  readonly text: string;
  readonly logprobs: readonly TokenLogprobs[];
  readonly stopped: boolean;
}

/**
 * The answer as it grows: whole characters, without the stop string. The log-probabilities of a token leave together
 * with its last character, and not at all when a stop string took it away.
 */
export class AnswerText {
  readonly #tokens: TokenText;
  readonly #stops: StopStrings;
  #producedUnits = 0;
  #releasedUnits = 0;
  #waiting: { logprobs: TokenLogprobs; endsAt: number | undefined }[] = [];

  constructor(tokens: TokenText, stops: readonly string[]) {
    this.#tokens = tokens;
    this.#stops = new StopStrings(stops);
  }

  push(token: Token, logprobs: TokenLogprobs | undefined): Added {
    if (logprobs) this.#waiting.push({ logprobs, endsAt: undefined });
    const text = this.#tokens.push(token);
    if (!this.#tokens.hasPending) this.#settle(text);
    const released = this.#stops.push(text);
    return { ...this.#leave(released.text), stopped: released.stopped };
  }

  /** The end of the answer without a stop string. */
  flush(): Added {
    const rest = this.#tokens.flush();
    this.#settle(rest);
    const released = this.#stops.push(rest);
    const text = released.stopped ? released.text : released.text + this.#stops.flush();
    return { ...this.#leave(text), stopped: released.stopped };
  }

  #settle(text: string): void {
    this.#producedUnits += text.length;
    for (const entry of this.#waiting) entry.endsAt ??= this.#producedUnits;
  }

  #leave(text: string): { text: string; logprobs: TokenLogprobs[] } {
    this.#releasedUnits += text.length;
    const ready = this.#waiting.filter(({ endsAt }) => endsAt !== undefined && endsAt <= this.#releasedUnits);
    this.#waiting = this.#waiting.filter((entry) => !ready.includes(entry));
    return { text, logprobs: ready.map(({ logprobs }) => logprobs) };
  }
}
