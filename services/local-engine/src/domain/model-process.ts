import type { SamplingParameters } from '@sluice/kserve';
import type { FinishReason, ModelFacts, Piece } from '../llama-process/messages.ts';

export interface LoadSettings {
  /** Absolute path of a GGUF file, or the name of one in the models folder. */
  readonly weightsPath: string;
  /** `sha256:<hex>` that the file must have; absent: any. */
  readonly weightsDigest?: string;
  readonly sequences: number;
  /** Tokens of prompt and answer together, for each sequence; the model's own limit counts when it is lower. */
  readonly contextTokens: number;
  readonly threads: number;
}

export interface Prompt {
  readonly text: string;
  readonly seed: number;
  readonly sampling: SamplingParameters;
}

export type AnswerPart = ({ readonly type: 'piece' } & Piece) | { readonly type: 'finished'; readonly reason: FinishReason };

/** The process of one loaded model. */
export interface ModelProcess {
  readonly facts: ModelFacts;
  /** Resolves, with a content-free reason, when the process is gone; never rejects. */
  readonly gone: Promise<string>;
  /** True while it gives no sign of life: it may come back, or be given up. */
  readonly isSilent: boolean;
  /**
   * The parts of one answer, the last of them `finished`. At most `facts.sequences` at once. Returns only when the
   * sequence is free again, also after an abort. Throws `backend_unavailable` when the process goes away.
   */
  answer(prompt: Prompt, signal: AbortSignal): AsyncIterable<AnswerPart>;
  /**
   * The tokens of a prompt, as its answer would count them; waits for no sequence. Throws `context_length_exceeded`,
   * `overloaded` when too many are counted at once, `backend_unavailable` when the process goes away.
   */
  countPrompt(text: string, signal: AbortSignal): Promise<number>;
  /** Ends the process at once; resolves when it is gone. */
  end(): Promise<void>;
}

/** Throws `model_not_installed` when the file is missing, `failed_precondition` when it cannot be loaded or has another digest. */
export type StartModelProcess = (model: string, settings: LoadSettings, signal: AbortSignal) => Promise<ModelProcess>;
