import { create } from '@bufbuild/protobuf';
import { ChatCallSchema } from '@sluice/proto/chat/v1/chat';
import { StreamChatRequestSchema, type InferenceService } from '@sluice/proto/inference/v1/inference';
import type { Client } from '@sluice/rpc';
import type { Call, Events, Principal } from '../domain/call.ts';
import type { Router } from '../domain/ports.ts';

/** The inference router, as the flow calls it. */
export class RouterClient implements Router {
  readonly #inference: Client<typeof InferenceService>;

  constructor(inference: Client<typeof InferenceService>) {
    this.#inference = inference;
  }

  async answer(callId: string, principal: Principal, call: Call, signal: AbortSignal): Promise<Events> {
    const { events } = await this.#inference.chat(requestOf(callId, principal, call), { signal });
    return events;
  }

  async *stream(callId: string, principal: Principal, call: Call, signal: AbortSignal): AsyncIterable<Events> {
    const request = create(StreamChatRequestSchema, requestOf(callId, principal, call));
    for await (const { events } of this.#inference.streamChat(request, { signal })) yield events;
  }
}

function requestOf(callId: string, { projectId, organisationId }: Principal, call: Call) {
  return { callId, projectId, organisationId, call: create(ChatCallSchema, { ...call, fields: [...call.fields] }) };
}
