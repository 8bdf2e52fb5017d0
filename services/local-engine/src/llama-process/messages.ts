import type { SamplingParameters, TokenLogprobs } from '@sluice/kserve';

/** What the engine tells the process of one model. */
export type Command =
  | { readonly type: 'load'; readonly weightsPath: string; readonly weightsDigest?: string; readonly sequences: number; readonly contextTokens: number; readonly threads: number }
  | GenerateCommand
  | CountCommand
  | { readonly type: 'cancel'; readonly id: number }
  /** Answered with `alive` at once, by the event loop: it is free while llama.cpp reads weights, prompts, or decodes. */
  | { readonly type: 'ping' };

/** Answered with `counted` or `failed` by the event loop: it takes no sequence and decodes nothing. */
export interface CountCommand {
  readonly type: 'count';
  readonly id: number;
  readonly prompt: string;
}

export interface GenerateCommand {
  readonly type: 'generate';
  readonly id: number;
  readonly prompt: string;
  /** 32 bits; the same seed and settings give the same text. */
  readonly seed: number;
  readonly sampling: SamplingParameters;
}

/** What that process tells the engine. */
export type Report =
  /** An answer to `ping`. The number grows with every batch that is decoded. */
  | { readonly type: 'alive'; readonly decodedTokens: number }
  /** `sha256:<hex>` of the weights, as soon as it is known; only where one was asked for. */
  | { readonly type: 'digest'; readonly digest: string }
  | { readonly type: 'loaded'; readonly facts: ModelFacts }
  | { readonly type: 'load-failed'; readonly reason: LoadFailure }
  | { readonly type: 'counted'; readonly id: number; readonly inputTokens: number }
  | ({ readonly type: 'piece'; readonly id: number } & Piece)
  | { readonly type: 'finished'; readonly id: number; readonly reason: FinishReason }
  | { readonly type: 'failed'; readonly id: number; readonly failure: GenerateFailure };

export type FinishReason = 'stop' | 'length' | 'cancelled';

/** `missing`: no such file. `not-gguf`: not a model file, or cut off. `other-digest`: not the weights that were asked for. `unusable`: llama.cpp cannot load it, or not in this memory. */
export type LoadFailure = 'missing' | 'not-gguf' | 'other-digest' | 'unusable';

export type GenerateFailure =
  | { readonly kind: 'prompt-too-long'; readonly promptTokens: number; /** It is so long that it was not counted: it has more than these. */ readonly isLeast: boolean; readonly contextTokens: number }
  | { readonly kind: 'unknown-token'; readonly param: string }
  | { readonly kind: 'unusable-schema' }
  | { readonly kind: 'internal'; readonly name: string };

/** What a model file says of itself, and how it was loaded. */
export interface ModelFacts {
  readonly architecture: string;
  readonly chatTemplate: string;
  readonly bosToken: string;
  readonly eosToken: string;
  /** Tokens of prompt and answer together that one request may have. */
  readonly contextTokens: number;
  readonly sequences: number;
  readonly threads: number;
}

/** A part of an answer: what was added since the part before. */
export interface Piece {
  readonly text: string;
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly logprobs: readonly TokenLogprobs[];
}
