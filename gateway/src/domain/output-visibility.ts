import type { Call } from './call.ts';

/** Whether the output of a model is seen while it is produced; `unknown` as long as nothing was reported of it. */
export type Visibility = 'shown' | 'hidden' | 'unknown';

/** What a backend says of an answer when it is over. */
export interface ReportedOutput {
  readonly outputTokens: bigint;
  readonly reasoningTokens: bigint;
}

/** What was seen of it on the way. */
export interface SeenOutput {
  readonly tokens: number;
  readonly hasReasoning: boolean;
}

export interface ModelOutput {
  readonly visibility: Visibility;
  note(reported: ReportedOutput, seen: SeenOutput): void;
}

/** Who answers a call. */
export interface ServingModel {
  readonly modelId: string;
  /** The deployments that may answer; with others, everything is learned anew. */
  readonly servedBy: string;
  /** The protocol of all of them says each token as it comes. */
  readonly showsOutput: boolean;
}

/** Kinds of calls that are remembered; beyond it the oldest is forgotten, and learned again by its next report. */
const KINDS_LIMIT = 10_000;

/** Text may take more tokens than are counted for it (digits, rare scripts): up to so many times as many. */
const SEEN_FACTOR = 3;
const SEEN_MARGIN_TOKENS = 256;

/** Fields that say how much a model thinks, and whether it shows that. */
const REASONING_FIELDS = new Set([
  'chat_template_kwargs', 'enable_thinking', 'include_reasoning', 'reasoning', 'reasoning_effort', 'separate_reasoning', 'stream_reasoning', 'thinking', 'thinking_budget',
]);
/** Longer ones are not remembered: such a call is always taken for one of which nothing is known. */
const REASONING_JSON_LIMIT_BYTES = 256;

/**
 * Which models produce far more than is seen of it, as those do that think and do not show it: learned from what their
 * backends report, for as long as this process runs. What cannot be seen cannot be stopped on the way.
 */
export class OutputVisibility {
  /** Of each kind of call, whether its output is hidden. */
  readonly #hidden = new Map<string, boolean>();

  /** Of the calls to this model that ask for as much thought as this one. */
  of({ modelId, servedBy, showsOutput }: ServingModel, call: Call): ModelOutput {
    const reasoning = reasoningOf(call);
    const kind = `${modelId} ${servedBy}${reasoning ?? ''}`;
    const learned = reasoning === undefined ? undefined : this.#hidden.get(kind);
    const visibility = learned === true ? 'hidden' : learned === false || showsOutput ? 'shown' : 'unknown';
    return { visibility, note: (reported, seen) => reasoning !== undefined && this.#note(kind, isHidden(reported, seen)) };
  }

  /** Once hidden, always: it depends on the question how much a model thinks. */
  #note(kind: string, hidden: boolean): void {
    if (!hidden && this.#hidden.has(kind)) return;
    const [oldest] = this.#hidden.keys();
    if (this.#hidden.size >= KINDS_LIMIT && oldest !== undefined) this.#hidden.delete(oldest);
    this.#hidden.set(kind, hidden);
  }
}

function isHidden({ outputTokens, reasoningTokens }: ReportedOutput, { tokens, hasReasoning }: SeenOutput): boolean {
  return (reasoningTokens > 0n && !hasReasoning) || outputTokens > BigInt(tokens * SEEN_FACTOR + SEEN_MARGIN_TOKENS);
}

/** What a call says about thought; undefined when that is too long to be remembered. */
function reasoningOf({ fields }: Call): string | undefined {
  let said = '';
  for (const { name, json } of fields) {
    if (!REASONING_FIELDS.has(name)) continue;
    if (json.length > REASONING_JSON_LIMIT_BYTES) return undefined;
    said += ` ${name}:${Buffer.from(json).toString()}`;
  }
  return said;
}
