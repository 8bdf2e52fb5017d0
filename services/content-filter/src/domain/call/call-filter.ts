import { ServiceError } from '@sluice/errors';
import type { ChatCall, ChatEvent } from '@sluice/proto/chat/v1/chat';
import type { Hit } from '@sluice/proto/content_filter/v1/content_filter';
import { Hits, type RuleCount } from './hits.ts';
import { filterInput, type InputOutcome } from './input-filter.ts';
import { beyondLimit, tooMuchToLookAt } from './limits.ts';
import { OutputFilter } from './output-filter.ts';
import type { HitHash, Policies, Policy } from './policy.ts';
import { inTurns, MeteredPolicy, Work } from './work.ts';

/** What was found in one call, told once when it is over. */
export interface CallHits {
  readonly callId: string;
  readonly organisationId: string;
  readonly projectId: string;
  readonly policyVersion: bigint;
  /** The first of them. */
  readonly hits: readonly Hit[];
  readonly hitCount: number;
  /** All of them. */
  readonly counts: readonly RuleCount[];
  readonly atMs: number;
}

/** Keeps what was found. Must not fail the call, nor hold it up. */
export interface HitSink {
  add(found: CallHits): void;
}

export interface CallFilterOptions {
  readonly policies: Policies;
  readonly hash: HitHash;
}

/** Whose call it is. */
export interface CallOwner {
  readonly callId: string;
  readonly organisationId: string;
  readonly projectId: string;
}

/**
 * One call on its way through the filter, under the policy that was in force when it began.
 *
 * Fails closed: whatever goes wrong inside ends the call with `content_filter_unavailable`, and nothing leaves after it.
 */
export class CallFilter {
  readonly policy: Policy;
  readonly owner: CallOwner;
  readonly hits: Hits;
  /** An input can be made shorter; an output ends. */
  readonly #work = new Work((dearest) => (this.#output ? beyondLimit('what is so much work') : tooMuchToLookAt(dearest)));
  #output: OutputFilter | undefined;
  #hasFailed = false;

  constructor(owner: CallOwner, { policies, hash }: CallFilterOptions) {
    this.owner = owner;
    try {
      this.policy = new MeteredPolicy(policies.of(owner.organisationId, owner.projectId), this.#work);
    } catch (thrown) {
      throw closed(thrown);
    }
    this.hits = new Hits(this.policy, owner.organisationId, hash);
  }

  /** @param turn lets others have theirs; awaited when much was looked at */
  async input(call: ChatCall, turn: () => Promise<void>): Promise<InputOutcome> {
    const outcome = await this.#guarded(filterInput(call, this.policy, this.hits, (field) => this.#work.begin(field)), turn);
    if (outcome.action !== 'block') this.#output = new OutputFilter(this.policy, call.choices, this.hits);
    return outcome;
  }

  /** One batch after the other. */
  async output(events: readonly ChatEvent[], isLast: boolean, turn: () => Promise<void>): Promise<{ events: ChatEvent[]; stop: boolean }> {
    const output = this.#output;
    if (!output) throw new ServiceError('failed_precondition', 'The call has no output to look at: its input was refused.');
    const left = await this.#guarded(output.filter(events, isLast), turn);
    return { events: left, stop: output.canStop };
  }

  async #guarded<T>(run: Generator<void, T>, turn: () => Promise<void>): Promise<T> {
    if (this.#hasFailed) throw closed(undefined);
    try {
      return await inTurns(run, this.#work, turn);
    } catch (thrown) {
      this.#hasFailed = true;
      throw closed(thrown);
    }
  }
}

/** An error of our own stays; of any other the message may quote what was looked at, so that only its name and its frames are kept. */
export function closed(thrown: unknown): ServiceError {
  if (thrown instanceof ServiceError) return thrown;
  return new ServiceError('content_filter_unavailable', 'The content filter could not look at the call; nothing of it may pass.', { cause: silent(thrown) });
}

function silent(thrown: unknown): Error | undefined {
  if (!(thrown instanceof Error)) return undefined;
  const cause = new Error(thrown.name);
  cause.stack = [thrown.name, ...(thrown.stack ?? '').split('\n').filter((line) => /^ {4}at /.test(line))].join('\n');
  return cause;
}
