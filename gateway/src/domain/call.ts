import type { ChatEvent } from '@sluice/proto/chat/v1/chat';

/** A request after parsing; the values of `chat.v1.ChatCall`. */
export interface Call {
  readonly model: string;
  /** The JSON array `messages`, verbatim. */
  readonly messages: Uint8Array;
  readonly fields: readonly Field[];
  readonly stream: boolean;
  readonly choices: number;
  /** What is asked of a model that is no language model, encoded; such a call has no messages and no fields, and is one unit of input. Absent in a chat. */
  readonly tensors?: Uint8Array | undefined;
  /** Outputs that the client wants as JSON, which is for few elements; empty: all that the model gives; absent: none. It does not go on record. */
  readonly jsonOutputs?: readonly string[] | undefined;
  /** What rules and a budget made of its parameters, in that order; absent where they left it as it came. It goes on record, and not to the model. */
  readonly changes?: readonly ParameterChange[] | undefined;
}

/** A parameter that is sent otherwise than it was asked for, as it goes on record (`events.v1.ParameterChange`). */
export interface ParameterChange {
  readonly parameter: string;
  /** A number as JSON text; empty where none was given. */
  readonly askedJson: string;
  readonly sentJson: string;
  /** Empty where a budget did it. */
  readonly ruleId: string;
}

/** The call as it is sent behind a change. */
export function withChange(call: Call, sent: Partial<Pick<Call, 'fields' | 'choices'>>, change: ParameterChange): Call {
  return { ...call, ...sent, changes: [...(call.changes ?? []), change] };
}

/** The call alone, as it travels and is recorded: an object that carries more must not carry it there. */
export function plainCall({ model, messages, fields, stream, choices, tensors }: Call): { model: string; messages: Uint8Array; fields: { name: string; json: Uint8Array }[]; stream: boolean; choices: number; tensors?: Uint8Array } {
  return { model, messages, fields: [...fields], stream, choices, ...(tensors && { tensors }) };
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
  /** True when the project keeps also what was asked and answered before rules, or a budget, changed it; absent otherwise. */
  readonly keepsOriginals?: boolean | undefined;
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
