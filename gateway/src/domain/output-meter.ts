import { estimateTokens } from '@sluice/segment';
import type { ChatEvent } from '@sluice/proto/chat/v1/chat';
import type { Events, TokenCounts } from './call.ts';

/** The number of `Channel`; the domain does not load generated code. */
const CHANNEL_REASONING = 2;

/**
 * How much output there is while it is produced: what the backend counted on the way, and for what stands behind its
 * count one token for each piece, or one for four bytes, whichever is more. Over all choices.
 */
export class OutputMeter {
  readonly #finished = new Set<number>();
  #counted: TokenCounts | undefined;
  /** Behind the count. */
  #pieces = 0;
  #bytes = 0;
  #reported = 0;
  #hasReasoning = false;
  /** Events that were measured last and not added since, and what there would be with them: text is measured once. */
  #ahead: Events | undefined;
  #aheadCounted: TokenCounts | undefined;
  #aheadPieces = 0;
  #aheadBytes = 0;

  get tokens(): number {
    return Math.max(this.#reported, tokensOf(this.#counted, this.#pieces, this.#bytes));
  }

  /** Of the prompt, as the backend has counted it; undefined as long as it has not. */
  get inputTokens(): bigint | undefined {
    return (this.#ahead ? this.#aheadCounted : this.#counted)?.inputTokens;
  }

  /** Of what was measured so far, something was the model's thought. */
  get hasReasoning(): boolean {
    return this.#hasReasoning;
  }

  isFinished(choice: number): boolean {
    return this.#finished.has(choice);
  }

  get finishedChoices(): number {
    return this.#finished.size;
  }

  add(events: Events): void {
    if (this.#ahead !== events) this.#measure(events);
    this.#ahead = undefined;
    this.#counted = this.#aheadCounted;
    this.#pieces = this.#aheadPieces;
    this.#bytes = this.#aheadBytes;
    for (const { event } of events) {
      if (event.case === 'finished') this.#finished.add(event.value.choice);
      else if (event.case === 'usage') this.#reported = Math.max(this.#reported, Number(event.value.outputTokens));
    }
  }

  /** Tokens there would be with these too, as far as they are seen or counted on the way: a report comes when all is over. */
  with(events: Events): number {
    this.#measure(events);
    return Math.max(this.#reported, tokensOf(this.#aheadCounted, this.#aheadPieces, this.#aheadBytes));
  }

  #measure(events: Events): void {
    let counted = this.#counted;
    let pieces = this.#pieces;
    let bytes = this.#bytes;
    for (const { event } of events) {
      if (event.case === 'delta') {
        pieces++;
        bytes += bytesOf(event.value);
        if (event.value.channel === CHANNEL_REASONING) this.#hasReasoning = true;
      } else if (event.case === 'counts') {
        counted = event.value;
        pieces = 0;
        bytes = 0;
      } else if (event.case === 'usage' && !event.value.estimated && Number(event.value.outputTokens) < tokensOf(counted, pieces, bytes)) {
        // The count of all of it comes with its last text: that is no longer to be guessed. What is above it, is a report.
        counted = event.value;
        pieces = 0;
        bytes = 0;
      }
    }
    this.#ahead = events;
    this.#aheadCounted = counted;
    this.#aheadPieces = pieces;
    this.#aheadBytes = bytes;
  }

  /**
   * The usage of an answer that Sluice ended before its backend reported one: exact where that had counted all of it.
   *
   * @param askedTokens of the prompt, as far as Sluice knows
   * @param isCounted a tokeniser has counted these
   */
  usage(askedTokens: () => bigint, isCounted = false): ChatEvent {
    const { inputTokens = askedTokens(), cachedInputTokens = 0n, reasoningTokens = 0n } = this.#counted ?? {};
    const estimated = (!this.#counted && !isCounted) || this.tokens !== Number(this.#counted?.outputTokens ?? 0n);
    const usage = { $typeName: 'chat.v1.Usage' as const, inputTokens, outputTokens: BigInt(this.tokens), cachedInputTokens, reasoningTokens, estimated, json: new Uint8Array() };
    return { $typeName: 'chat.v1.ChatEvent', event: { case: 'usage', value: usage } };
  }
}

function tokensOf(counted: TokenCounts | undefined, pieces: number, bytes: number): number {
  return Number(counted?.outputTokens ?? 0n) + Math.max(pieces, Number(estimateTokens(bytes)));
}

function bytesOf({ text, extraJson }: Extract<ChatEvent['event'], { case: 'delta' }>['value']): number {
  return Buffer.byteLength(text) + extraJson.length;
}
