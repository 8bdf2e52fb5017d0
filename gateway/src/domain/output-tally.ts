import { estimateTokens } from '@sluice/segment';
import type { ChatEvent } from '@sluice/proto/chat/v1/chat';
import type { Events, TokenCounts } from './call.ts';

/** What the recorded output amounts to so far: bytes, events, how each choice ended; and the tokens that are paid for. */
export class OutputTally {
  bytes = 0;
  events = 0;
  versionId = '';
  deploymentId = '';
  /** Why Sluice itself ended a choice; empty when it ended none. */
  stoppedBy = '';
  readonly #askedTokens: () => bigint;
  /** Members of messages that Sluice does not interpret: not text, but said by the model. */
  #extraBytes = 0;
  readonly #finished = new Map<number, string>();
  #usage: TokenCounts | undefined;
  /** What the backend counted on the way of the prompt, */
  #prompt: Pick<TokenCounts, 'inputTokens' | 'cachedInputTokens'> | undefined;
  /** and of the output that is on record, with its bytes. */
  #counted = { outputTokens: 0n, reasoningTokens: 0n, bytes: 0 };
  #isAnswered = false;
  /** A backend outside of the house has the prompt, and has not failed. */
  #isAsked = false;

  /** @param askedTokens of the prompt, as far as Sluice knows; asked when its backend did not count it */
  constructor(askedTokens: () => bigint) {
    this.#askedTokens = askedTokens;
  }

  add(events: Events): void {
    for (const event of events) {
      this.#add(event);
      this.#learn(event);
    }
  }

  #add({ event }: Events[number]): void {
    if (event.case !== 'counts') this.events++;
    if (event.case === 'delta') {
      this.bytes += Buffer.byteLength(event.value.text);
      this.#extraBytes += event.value.extraJson.length;
    } else if (event.case === 'tensors') this.bytes += event.value.response.length;
    else if (event.case === 'finished') {
      this.#finished.set(event.value.choice, event.value.reason);
      this.stoppedBy ||= event.value.stoppedBy;
    } else if (event.case === 'counts') {
      const { outputTokens, reasoningTokens } = event.value;
      this.#counted = { outputTokens, reasoningTokens, bytes: this.bytes + this.#extraBytes };
    }
  }

  /**
   * The client left: it pays for what was produced for it until then, also for what it did not get.
   *
   * @param produced undefined where that was not counted
   */
  leave(produced: ChatEvent | undefined): void {
    if (this.#usage || !(this.#isAnswered || this.#isAsked)) return;
    this.#isAnswered = true;
    if (produced) this.#learn(produced);
  }

  /**
   * Takes what the backend said of the call from output that nobody will get: its usage, what it counted of the prompt, and
   * who answered or was asked last. That it had produced so much is no debt of a client who waited for it.
   */
  learn(events: Events): void {
    for (const event of events) this.#learn(event);
  }

  #learn({ event }: Events[number]): void {
    if (event.case === 'usage') this.#usage = event.value;
    else if (event.case === 'counts') this.#prompt = event.value;
    else if (event.case === 'started' || event.case === 'attempt') {
      this.#isAnswered ||= event.case === 'started';
      this.#isAsked = event.case === 'attempt' && event.value.external && event.value.errorCode === '';
      this.versionId = event.value.versionId;
      this.deploymentId = event.value.deploymentId;
    }
  }

  /**
   * The counts that came with the answer; before they come those that the backend gave on the way, with an estimate for
   * what stands behind them; else an estimate. What no backend has begun to answer took nothing.
   */
  counts(): TokenCounts {
    if (this.#usage) {
      const { inputTokens, outputTokens, cachedInputTokens, reasoningTokens, estimated } = this.#usage;
      return { inputTokens, outputTokens, cachedInputTokens, reasoningTokens, estimated };
    }
    const behind = this.bytes + this.#extraBytes - this.#counted.bytes;
    const outputTokens = this.#counted.outputTokens + estimateTokens(behind);
    const { reasoningTokens } = this.#counted;
    if (this.#prompt) {
      const { inputTokens, cachedInputTokens } = this.#prompt;
      return { inputTokens, outputTokens, cachedInputTokens, reasoningTokens, estimated: behind > 0 };
    }
    const inputTokens = this.#isAnswered || this.bytes > 0 ? this.#askedTokens() : 0n;
    return { inputTokens, outputTokens, cachedInputTokens: 0n, reasoningTokens, estimated: true };
  }

  /** By choice. */
  finishReasons(): string[] {
    return [...this.#finished].sort(([left], [right]) => left - right).map(([, reason]) => reason);
  }
}
