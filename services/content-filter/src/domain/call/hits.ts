import type { Channel } from '@sluice/proto/chat/v1/chat';
import type { Hit } from '@sluice/proto/content_filter/v1/content_filter';
import { ACTION, DIRECTION } from './contract-numbers.ts';
import { HITS_TOLD_LIMIT } from './limits.ts';
import type { HitHash, Policy, PolicyRule, TextDirection, TextMatch } from './policy.ts';

/** Where a text stands: the channel, and the choice (output) or the index of the message (input). */
export interface Place {
  readonly channel: Channel;
  readonly index: number;
}

/** How often one rule matched in a call. */
export interface RuleCount {
  readonly ruleId: string;
  readonly action: PolicyRule['action'];
  readonly count: number;
}

/** The hits of one call: all are counted, the first of them are told. What matched is hashed here and goes no further. */
export class Hits {
  readonly #policy: Policy;
  readonly #hash: (text: string) => Uint8Array;
  readonly #all: Hit[] = [];
  /** By the index of the rule. */
  readonly #byRule = new Map<number, number>();
  #count = 0;
  #toldHits = 0;
  #toldCount = 0;

  constructor(policy: Policy, organisationId: string, hash: HitHash) {
    this.#policy = policy;
    this.#hash = (text) => hash(organisationId, text);
  }

  get all(): readonly Hit[] {
    return this.#all;
  }

  get count(): number {
    return this.#count;
  }

  /** All of them, by rule. */
  get counts(): readonly RuleCount[] {
    return [...this.#byRule].map(([rule, count]) => {
      const { id, action } = this.#policy.rule(rule);
      return { ruleId: id, action, count };
    });
  }

  add(matches: readonly TextMatch[], direction: TextDirection, { channel, index }: Place): void {
    for (const { rule, start, end, text } of matches) {
      this.#count++;
      this.#byRule.set(rule, (this.#byRule.get(rule) ?? 0) + 1);
      if (this.#all.length >= HITS_TOLD_LIMIT) continue;
      const { id, kind, action } = this.#policy.rule(rule);
      this.#all.push({
        $typeName: 'content_filter.v1.Hit',
        ruleId: id,
        kind,
        action: ACTION[action],
        direction: DIRECTION[direction],
        channel,
        index,
        start: BigInt(start),
        end: BigInt(end),
        textHash: this.#hash(text),
      });
    }
  }

  /** Those since the last time, and how many. */
  fresh(): { hits: Hit[]; hitCount: number } {
    const fresh = { hits: this.#toldHits === this.#all.length ? [] : this.#all.slice(this.#toldHits), hitCount: this.#count - this.#toldCount };
    this.#toldHits = this.#all.length;
    this.#toldCount = this.#count;
    return fresh;
  }
}
