import type { ChatEvent, Delta, Started, ToolCall } from '@sluice/proto/chat/v1/chat';
import { CleanTexts } from './clean-texts.ts';
import type { Hits } from './hits.ts';
import { jsonTextOf } from './json-bytes.ts';
import { jsonLiterals, JsonPath, numberTexts } from './json-literals.ts';
import { beyondLimit, JSON_LIMIT_BYTES } from './limits.ts';
import { textBeside } from './logprobs.ts';
import { OUTPUT_NAMES } from './output-names.ts';
import type { Policy } from './policy.ts';
import { lookAt } from './whole-text.ts';

const NO_BYTES = new Uint8Array(0);

type Clean = Pick<CleanTexts, 'has' | 'add'>;

/** What comes with an answer beside its text and is looked at as a whole: name and id of a tool, log-probabilities, what the backend says of itself. */
export class CheckedDelta {
  readonly #policy: Policy;
  readonly #hits: Hits;
  readonly #clean = new CleanTexts();
  /** Of what the backend says of itself. */
  readonly #cleanBeside: Clean;

  constructor(policy: Policy, hits: Hits) {
    this.#policy = policy;
    this.#hits = hits;
    this.#cleanBeside = policy.recurring?.out ?? this.#clean;
  }

  /** The event as it may leave with its text: the same when nothing was found; undefined when a rule blocks. Yields between stretches of text. */
  *of(event: ChatEvent, delta: Delta): Generator<void, ChatEvent | undefined> {
    const tool = delta.tool && (yield* this.#tool(delta, delta.tool));
    if (tool === undefined && delta.tool) return undefined;
    const logprobsJson = yield* this.#logprobs(delta);
    if (tool === delta.tool && logprobsJson === delta.logprobsJson) return event;
    return { $typeName: 'chat.v1.ChatEvent', event: { case: 'delta', value: { ...delta, logprobsJson, ...(tool ? { tool } : {}) } } };
  }

  /** The event without those words of the backend about itself in which a rule finds something. */
  *started(event: ChatEvent, started: Started): Generator<void, ChatEvent> {
    const systemFingerprint = (yield* this.#isCleanText(started.systemFingerprint, this.#cleanBeside)) ? started.systemFingerprint : '';
    const serviceTier = (yield* this.#isCleanText(started.serviceTier, this.#cleanBeside)) ? started.serviceTier : '';
    if (systemFingerprint === started.systemFingerprint && serviceTier === started.serviceTier) return event;
    return { $typeName: 'chat.v1.ChatEvent', event: { case: 'started', value: { ...started, systemFingerprint, serviceTier } } };
  }

  /** Whether nothing in a JSON value is found by a rule that would change it. */
  *isClean(json: Uint8Array): Generator<void, boolean> {
    for (const { kind, text } of jsonLiterals(sourceOf(json), new JsonPath())) {
      if (kind === 'name' && OUTPUT_NAMES.has(text)) continue;
      for (const said of kind === 'number' ? numberTexts(text) : [text]) if (!(yield* this.#isCleanText(said, this.#cleanBeside))) return false;
    }
    return true;
  }

  /** Models make up names of tools too, and backends their ids. */
  *#tool(delta: Delta, tool: ToolCall): Generator<void, ToolCall | undefined> {
    const name = yield* this.#leftOf(tool.name, delta);
    const id = name === undefined ? undefined : yield* this.#leftOf(tool.id, delta);
    if (name === undefined || id === undefined) return undefined;
    return name === tool.name && id === tool.id ? tool : { ...tool, name, id };
  }

  /** Undefined when a rule blocks. */
  *#leftOf(text: string, { choice, channel }: Delta): Generator<void, string | undefined> {
    if (text === '') return '';
    const { text: left, matches, blockedBy } = yield* lookAt(this.#policy.open('out'), text);
    this.#hits.add(matches, 'out', { channel, index: choice });
    return blockedBy === undefined ? left : undefined;
  }

  *#logprobs(delta: Delta): Generator<void, Uint8Array> {
    if (delta.logprobsJson.length === 0) return delta.logprobsJson;
    if (delta.logprobsJson.length > JSON_LIMIT_BYTES) throw beyondLimit('so many log-probabilities');
    const beside = textBeside(delta);
    return beside !== undefined && (yield* this.#isCleanText(beside, this.#clean)) ? delta.logprobsJson : NO_BYTES;
  }

  /** For what is given whole or not at all; the hit is that of the text which it repeats. */
  *#isCleanText(text: string, clean: Clean): Generator<void, boolean> {
    if (text === '' || clean.has(text)) return true;
    const { text: left, matches, blockedBy } = yield* lookAt(this.#policy.open('out'), text);
    if (matches.length === 0) clean.add(text);
    return blockedBy === undefined && left === text;
  }
}

function sourceOf(json: Uint8Array): string {
  if (json.length > JSON_LIMIT_BYTES) throw beyondLimit('so much beside the text');
  return jsonTextOf(json);
}
