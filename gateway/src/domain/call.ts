import type { ChatEvent } from '@sluice/proto/chat/v1/chat';

/** A chat request after parsing; the values of `chat.v1.ChatCall`. */
export interface Call {
  readonly model: string;
  /** The JSON array `messages`, verbatim. */
  readonly messages: Uint8Array;
  readonly fields: readonly Field[];
  readonly stream: boolean;
  readonly choices: number;
}

/** The call alone, as it travels and is recorded: an object that carries more must not carry it there. */
export function plainCall({ model, messages, fields, stream, choices }: Call): { model: string; messages: Uint8Array; fields: { name: string; json: Uint8Array }[]; stream: boolean; choices: number } {
  return { model, messages, fields: [...fields], stream, choices };
}

export interface Field {
  readonly name: string;
  readonly json: Uint8Array;
}

/** Who calls, as the key says. */
export interface Principal {
  readonly keyId: string;
  readonly organisationId: string;
  readonly projectId: string;
  /** Names the key may use; empty: every model. */
  readonly models: readonly string[];
  /** False when the project keeps digests only. */
  readonly keepsBodies: boolean;
}

/** Token counts so far, cumulative. */
export interface TokenCounts {
  readonly inputTokens: bigint;
  readonly outputTokens: bigint;
  readonly cachedInputTokens: bigint;
  readonly reasoningTokens: bigint;
  readonly estimated: boolean;
}

export type Events = readonly ChatEvent[];
