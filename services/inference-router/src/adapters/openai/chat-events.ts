import { type Channel, type ChatEvent, type ToolCall } from '@sluice/proto/chat/v1/chat';

/*
 * Messages as literals with their type name: what `create` of protobuf-es makes, without its walk over the schema,
 * which would cost more than parsing the chunk. The spec compares both.
 */

const NO_BYTES = new Uint8Array(0);

export interface StartedFields {
  readonly versionId: string;
  readonly deploymentId: string;
  readonly systemFingerprint: string;
  readonly serviceTier: string;
}

export interface CountsFields {
  readonly inputTokens: bigint;
  readonly outputTokens: bigint;
  readonly cachedInputTokens: bigint;
  readonly reasoningTokens: bigint;
}

export interface UsageFields extends CountsFields {
  readonly estimated: boolean;
  readonly json: Uint8Array;
}

export function started(fields: StartedFields): ChatEvent {
  return { $typeName: 'chat.v1.ChatEvent', event: { case: 'started', value: { $typeName: 'chat.v1.Started', ...fields } } };
}

/** That the backend refused to be asked like this, and is asked once more. Where it stands, the router knows. */
export function attempted({ versionId, deploymentId }: Pick<StartedFields, 'versionId' | 'deploymentId'>, errorCode: string): ChatEvent {
  return { $typeName: 'chat.v1.ChatEvent', event: { case: 'attempt', value: { $typeName: 'chat.v1.Attempt', versionId, deploymentId, external: false, errorCode } } };
}

export function delta(choice: number, channel: Channel, text: string): ChatEvent {
  return {
    $typeName: 'chat.v1.ChatEvent',
    event: { case: 'delta', value: { $typeName: 'chat.v1.Delta', choice, channel, text, logprobsJson: NO_BYTES, extraJson: NO_BYTES } },
  };
}

/** Text of a tool call, or of the deprecated function call; id, type and name only on the first piece. */
export function toolDelta(choice: number, channel: Channel, text: string, tool: Omit<ToolCall, '$typeName'>): ChatEvent {
  const event = delta(choice, channel, text);
  if (event.event.case === 'delta') event.event.value.tool = { $typeName: 'chat.v1.ToolCall', ...tool };
  return event;
}

export function finished(choice: number, reason: string): ChatEvent {
  return { $typeName: 'chat.v1.ChatEvent', event: { case: 'finished', value: { $typeName: 'chat.v1.Finished', choice, reason, stoppedBy: '' } } };
}

export function usage(fields: UsageFields): ChatEvent {
  return { $typeName: 'chat.v1.ChatEvent', event: { case: 'usage', value: { $typeName: 'chat.v1.Usage', ...fields } } };
}

/** What the backend counted so far. */
export function counts(fields: CountsFields): ChatEvent {
  return { $typeName: 'chat.v1.ChatEvent', event: { case: 'counts', value: { $typeName: 'chat.v1.Counts', ...fields, estimated: false } } };
}
