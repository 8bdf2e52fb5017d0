import type { Call } from './call.ts';

/** What a backend says of an answer when it is over. */
export interface ReportedOutput {
  readonly outputTokens: bigint;
  readonly reasoningTokens: bigint;
}

/** What was seen of it on the way; the tokens as they are guessed, four bytes to each. */
export interface SeenOutput {
  readonly tokens: number;
  readonly hasReasoning: boolean;
}

/** What is known of a model's output. */
export interface KnownOutput {
  /** All of it is seen while it is produced. */
  readonly isShown: boolean;
  /** The most that was reported of a choice; 0 as long as nothing was. */
  readonly longestTokens: number;
}

export interface ModelOutput extends KnownOutput {
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

/** A token of a byte-level vocabulary stands for one byte at least, and one is guessed for four. */
const SEEN_FACTOR = 4;
/** Markers of turns and calls, which are counted and are no text. */
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
  /** Of each kind of call. */
  readonly #known = new Map<string, KnownOutput>();

  /** Of the calls to this model that ask for as much thought as this one. */
  of({ modelId, servedBy, showsOutput }: ServingModel, call: Call): ModelOutput {
    const reasoning = reasoningOf(call);
    const kind = `${modelId} ${servedBy}${reasoning ?? ''}`;
    const known = reasoning === undefined ? undefined : this.#known.get(kind);
    const note: ModelOutput['note'] = (reported, seen) => reasoning !== undefined && this.#note(kind, reported, { ...seen, choices: call.choices });
    return { isShown: known?.isShown ?? showsOutput, longestTokens: known?.longestTokens ?? 0, note };
  }

  /** Once hidden, always: it depends on the question how much a model thinks. */
  #note(kind: string, reported: ReportedOutput, seen: SeenOutput & { readonly choices: number }): void {
    const known = this.#known.get(kind);
    const isShown = known?.isShown !== false && !isHidden(reported, seen);
    const longestTokens = Math.max(known?.longestTokens ?? 0, Math.ceil(Number(reported.outputTokens) / seen.choices));
    if (known?.isShown === isShown && known.longestTokens === longestTokens) return;
    const [oldest] = this.#known.keys();
    if (!known && this.#known.size >= KINDS_LIMIT && oldest !== undefined) this.#known.delete(oldest);
    this.#known.set(kind, { isShown, longestTokens });
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
