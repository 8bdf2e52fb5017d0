import type { ChatCall } from '@sluice/proto/chat/v1/chat';
import type { InferenceService, StreamChatRequest } from '@sluice/proto/inference/v1/inference';
import type { Client } from '@sluice/rpc';
import type { Call, Events, Principal } from '../domain/call.ts';
import type { Router } from '../domain/ports.ts';

/**
 * The inference router, as the flow calls it. Whole answers travel by the stream rpc too: in process it hands messages
 * over by reference, where a unary call encodes and decodes prompt and answer.
 */
export class RouterClient implements Router {
  readonly #inference: Client<typeof InferenceService>;

  constructor(inference: Client<typeof InferenceService>) {
    this.#inference = inference;
  }

  async answer(callId: string, principal: Principal, call: Call, signal: AbortSignal): Promise<Events> {
    let whole: Events = [];
    for await (const { events } of this.#inference.streamChat(requestOf(callId, principal, call), { signal })) {
      whole = whole.length === 0 ? events : [...whole, ...events];
    }
    return whole;
  }

  async *stream(callId: string, principal: Principal, call: Call, signal: AbortSignal): AsyncIterable<Events> {
    for await (const { events } of this.#inference.streamChat(requestOf(callId, principal, call), { signal })) yield events;
  }
}

/** Literals with their type names are what `create` makes, without its walk over the schema. */
function requestOf(callId: string, { projectId, organisationId }: Principal, { model, messages, fields, stream, choices }: Call): StreamChatRequest {
  const call: ChatCall = { $typeName: 'chat.v1.ChatCall', model, messages, stream, choices, fields: fields.map(({ name, json }) => ({ $typeName: 'chat.v1.Field', name, json })) };
  return { $typeName: 'inference.v1.StreamChatRequest', callId, projectId, organisationId, call };
}
