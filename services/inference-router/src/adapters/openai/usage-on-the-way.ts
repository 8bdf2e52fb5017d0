import type { ChatEvent } from '@sluice/proto/chat/v1/chat';
import { counts } from './chat-events.ts';
import { countsOf } from './usage-of.ts';

/**
 * The usage that some servers put into every chunk of a stream: vLLM and SGLang when they are asked for
 * `continuous_usage_stats`. Nobody is asked for it here, because others refuse what they do not know.
 */
export class UsageOnTheWay {
  #outputTokens = 0n;
  #outputBytes = 0;

  /**
   * The event of a chunk's usage, behind `outputBytes` of output; undefined where it cannot be the count of all of that:
   * no more than before, although there is more. Such are counts of a chunk alone, and of the prompt alone.
   */
  read(usage: unknown, outputBytes: number): ChatEvent | undefined {
    const fields = countsOf(usage);
    if (!fields || (fields.outputTokens <= this.#outputTokens && outputBytes > this.#outputBytes)) return undefined;
    this.#outputTokens = fields.outputTokens;
    this.#outputBytes = outputBytes;
    return counts(fields);
  }
}
