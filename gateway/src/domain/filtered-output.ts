import type { ChatEvent } from '@sluice/proto/chat/v1/chat';
import type { Hit } from '@sluice/proto/content_filter/v1/content_filter';
import type { FilterVerdict } from '@sluice/proto/events/v1/calls';
import type { Events } from './call.ts';
import { ACTION } from './input-check.ts';
import type { FilterTalk } from './ports.ts';

/** Hits that a record names; all are counted. */
const HITS_LIMIT = 100;

/** The output of one call on its way through the filter, and what was found in it. */
export class FilteredOutput {
  readonly #talk: FilterTalk;
  readonly #policyVersion: bigint;
  readonly #hits: Hit[] = [];
  #hitCount = 0;
  #action: number = ACTION.none;
  #isOver = false;

  constructor(talk: FilterTalk, policyVersion: bigint) {
    this.#talk = talk;
    this.#policyVersion = policyVersion;
  }

  /** True when every choice is over: nothing more may leave, and the model can be stopped. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** What was found so far. */
  get verdict(): FilterVerdict {
    return { $typeName: 'events.v1.FilterVerdict', policyVersion: this.#policyVersion, action: this.#action, hits: this.#hits, hitCount: this.#hitCount };
  }

  /** What of these events and of those that were held may leave now. Throws `content_filter_unavailable`; then nothing of them may. */
  async push(events: Events, last: boolean): Promise<readonly ChatEvent[]> {
    const { events: free, hits, hitCount, stop } = await this.#talk.output(events, last);
    this.#hitCount += hitCount;
    for (const hit of hits) {
      // The smaller number is the stronger action.
      if (this.#action === ACTION.none || hit.action < this.#action) this.#action = hit.action;
      if (this.#hits.length < HITS_LIMIT) this.#hits.push(hit);
    }
    this.#isOver ||= stop;
    return free;
  }
}
