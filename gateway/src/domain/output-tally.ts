import type { Events, TokenCounts } from './call.ts';

/** Without a tokeniser's count a token is taken for four bytes, the usual rule of thumb for English text. */
const BYTES_PER_TOKEN = 4;

/** What the recorded output amounts to so far: bytes, events, tokens, how each choice ended. */
export class OutputTally {
  bytes = 0;
  events = 0;
  versionId = '';
  deploymentId = '';
  readonly #promptBytes: number;
  readonly #finished = new Map<number, string>();
  #usage: TokenCounts | undefined;

  constructor(promptBytes: number) {
    this.#promptBytes = promptBytes;
  }

  add(events: Events): void {
    this.events += events.length;
    for (const { event } of events) {
      if (event.case === 'delta') this.bytes += Buffer.byteLength(event.value.text);
      else if (event.case === 'finished') this.#finished.set(event.value.choice, event.value.reason);
      else if (event.case === 'usage') this.#usage = event.value;
      else if (event.case === 'started') {
        this.versionId = event.value.versionId;
        this.deploymentId = event.value.deploymentId;
      }
    }
  }

  /** The counts that came with the answer, or an estimate while none did. */
  counts(): TokenCounts {
    if (this.#usage) {
      const { inputTokens, outputTokens, cachedInputTokens, reasoningTokens, estimated } = this.#usage;
      return { inputTokens, outputTokens, cachedInputTokens, reasoningTokens, estimated };
    }
    return { inputTokens: estimate(this.#promptBytes), outputTokens: estimate(this.bytes), cachedInputTokens: 0n, reasoningTokens: 0n, estimated: true };
  }

  /** By choice. */
  finishReasons(): string[] {
    return [...this.#finished].sort(([left], [right]) => left - right).map(([, reason]) => reason);
  }
}

function estimate(bytes: number): bigint {
  return BigInt(Math.ceil(bytes / BYTES_PER_TOKEN));
}
