import { estimateTokens } from '@sluice/segment';
import type { ChatEvent } from '@sluice/proto/chat/v1/chat';
import type { Events } from './call.ts';

/**
 * How much output there is while it is produced: what a backend reported, one token for each piece, or one for four
 * bytes, whichever is the most. Over all choices.
 */
export class OutputMeter {
  readonly #finished = new Set<number>();
  #pieces = 0;
  #bytes = 0;
  #reported = 0;

  get tokens(): number {
    return tokensOf(this.#pieces, this.#bytes, this.#reported);
  }

  isFinished(choice: number): boolean {
    return this.#finished.has(choice);
  }

  get finishedChoices(): number {
    return this.#finished.size;
  }

  add(events: Events): void {
    for (const { event } of events) {
      if (event.case === 'delta') {
        this.#pieces++;
        this.#bytes += bytesOf(event.value);
      } else if (event.case === 'finished') this.#finished.add(event.value.choice);
      else if (event.case === 'usage') this.#reported = Math.max(this.#reported, Number(event.value.outputTokens));
    }
  }

  /** Tokens there would be with these too, as far as they are seen and not reported: a report comes when all is over. */
  with(events: Events): number {
    let pieces = this.#pieces;
    let bytes = this.#bytes;
    for (const { event } of events) {
      if (event.case !== 'delta') continue;
      pieces++;
      bytes += bytesOf(event.value);
    }
    return tokensOf(pieces, bytes, this.#reported);
  }
}

function tokensOf(pieces: number, bytes: number, reported: number): number {
  return Math.max(pieces, Number(estimateTokens(bytes)), reported);
}

function bytesOf({ text, extraJson }: Extract<ChatEvent['event'], { case: 'delta' }>['value']): number {
  return Buffer.byteLength(text) + extraJson.length;
}

/** A count of what there was of an answer that Sluice ended before its backend could count. */
export function estimatedUsage(inputTokens: bigint, outputTokens: number): ChatEvent {
  const usage = { $typeName: 'chat.v1.Usage' as const, inputTokens, outputTokens: BigInt(outputTokens), cachedInputTokens: 0n, reasoningTokens: 0n, estimated: true, json: new Uint8Array() };
  return { $typeName: 'chat.v1.ChatEvent', event: { case: 'usage', value: usage } };
}
