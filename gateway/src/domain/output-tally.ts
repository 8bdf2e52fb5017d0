import { estimateTokens } from '@sluice/segment';
import type { Events, TokenCounts } from './call.ts';

/** What the recorded output amounts to so far: bytes, events, tokens, how each choice ended. */
export class OutputTally {
  bytes = 0;
  events = 0;
  versionId = '';
  deploymentId = '';
  /** Why Sluice itself ended a choice; empty when it ended none. */
  stoppedBy = '';
  readonly #askedBytes: number;
  /** Members of messages that Sluice does not interpret: not text, but said by the model. */
  #extraBytes = 0;
  readonly #finished = new Map<number, string>();
  #usage: TokenCounts | undefined;
  #isAnswered = false;

  constructor(asked: number) {
    this.#askedBytes = asked;
  }

  add(events: Events): void {
    this.events += events.length;
    for (const { event } of events) {
      if (event.case === 'delta') {
        this.bytes += Buffer.byteLength(event.value.text);
        this.#extraBytes += event.value.extraJson.length;
      } else if (event.case === 'finished') {
        this.#finished.set(event.value.choice, event.value.reason);
        this.stoppedBy ||= event.value.stoppedBy;
      }
    }
    this.learn(events);
  }

  /** Takes what the backend said of the call from output that nobody will get: its usage, and who answered or was asked last. */
  learn(events: Events): void {
    for (const { event } of events) {
      if (event.case === 'usage') this.#usage = event.value;
      else if (event.case === 'started' || event.case === 'attempt') {
        this.#isAnswered ||= event.case === 'started';
        this.versionId = event.value.versionId;
        this.deploymentId = event.value.deploymentId;
      }
    }
  }

  /** The counts that came with the answer, or an estimate while none did. What no backend has begun to answer took nothing. */
  counts(): TokenCounts {
    if (this.#usage) {
      const { inputTokens, outputTokens, cachedInputTokens, reasoningTokens, estimated } = this.#usage;
      return { inputTokens, outputTokens, cachedInputTokens, reasoningTokens, estimated };
    }
    const asked = this.#isAnswered || this.bytes > 0 ? this.#askedBytes : 0;
    return { inputTokens: estimateTokens(asked), outputTokens: estimateTokens(this.bytes + this.#extraBytes), cachedInputTokens: 0n, reasoningTokens: 0n, estimated: true };
  }

  /** By choice. */
  finishReasons(): string[] {
    return [...this.#finished].sort(([left], [right]) => left - right).map(([, reason]) => reason);
  }
}
