import type { ChatEvent, Delta } from '@sluice/proto/chat/v1/chat';
import type { Hits } from './hits.ts';
import { jsonTextOf } from './json-bytes.ts';
import { decodedLiteral, jsonLiterals } from './json-literals.ts';
import { beyondLimit, JSON_LIMIT_BYTES } from './limits.ts';
import { textBeside } from './logprobs.ts';
import type { Policy } from './policy.ts';
import { lookAt } from './whole-text.ts';

const NO_BYTES = new Uint8Array(0);

/** What comes with a piece of an answer and is looked at as a whole: the name of a tool, log-probabilities. */
export class CheckedDelta {
  readonly #policy: Policy;
  readonly #hits: Hits;

  constructor(policy: Policy, hits: Hits) {
    this.#policy = policy;
    this.#hits = hits;
  }

  /** The event as it may leave with its text: the same when nothing was found; undefined when a rule blocks. Yields between stretches of text. */
  *of(event: ChatEvent, delta: Delta): Generator<void, ChatEvent | undefined> {
    const name = yield* this.#toolName(delta);
    if (name === undefined) return undefined;
    const logprobsJson = yield* this.#logprobs(delta);
    if (name === (delta.tool?.name ?? '') && logprobsJson === delta.logprobsJson) return event;
    const tool = delta.tool && { ...delta.tool, name };
    return { $typeName: 'chat.v1.ChatEvent', event: { case: 'delta', value: { ...delta, logprobsJson, ...(tool ? { tool } : {}) } } };
  }

  /** Whether no string of a JSON value is found by a rule that would change it. */
  *isClean(json: Uint8Array): Generator<void, boolean> {
    const source = sourceOf(json);
    for (const literal of jsonLiterals(source)) {
      if (!literal.isName && !(yield* this.#isCleanText(decodedLiteral(source, literal.start, literal.end)))) return false;
    }
    return true;
  }

  /** Models make up names of tools too. */
  *#toolName({ choice, channel, tool }: Delta): Generator<void, string | undefined> {
    if (!tool?.name) return '';
    const { text, matches, blockedBy } = yield* lookAt(this.#policy.open('out'), tool.name);
    this.#hits.add(matches, 'out', { channel, index: choice });
    return blockedBy === undefined ? text : undefined;
  }

  *#logprobs(delta: Delta): Generator<void, Uint8Array> {
    if (delta.logprobsJson.length === 0) return delta.logprobsJson;
    if (delta.logprobsJson.length > JSON_LIMIT_BYTES) throw beyondLimit('so many log-probabilities');
    const beside = textBeside(delta);
    return beside !== undefined && (beside === '' || (yield* this.#isCleanText(beside))) ? delta.logprobsJson : NO_BYTES;
  }

  /** For what is given whole or not at all; the hit is that of the text which it repeats. */
  *#isCleanText(text: string): Generator<void, boolean> {
    const { text: left, blockedBy } = yield* lookAt(this.#policy.open('out'), text);
    return blockedBy === undefined && left === text;
  }
}

function sourceOf(json: Uint8Array): string {
  if (json.length > JSON_LIMIT_BYTES) throw beyondLimit('so much beside the text');
  return jsonTextOf(json);
}
