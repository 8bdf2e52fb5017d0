import type { ChatCall } from '@sluice/proto/chat/v1/chat';
import type { InferenceService, StreamChatRequest } from '@sluice/proto/inference/v1/inference';
import type { Client } from '@sluice/rpc';
import type { Events } from '../domain/call.ts';
import type { RoutedCall, Router } from '../domain/ports.ts';

/**
 * The inference router, as the flow calls it. Whole answers travel by the stream rpc too: in process it hands messages
 * over by reference, where a unary call encodes and decodes prompt and answer.
 */
export class RouterClient implements Router {
  readonly #inference: Client<typeof InferenceService>;

  readonly #callLimitMs: number;

  /** @param callLimitMs longest life of a call: the router has no limit of its own */
  constructor(inference: Client<typeof InferenceService>, callLimitMs: number) {
    this.#inference = inference;
    this.#callLimitMs = callLimitMs;
  }

  async *stream(routed: RoutedCall, signal: AbortSignal): AsyncIterable<Events> {
    for await (const { events } of this.#inference.streamChat(requestOf(routed), { signal, timeoutMs: this.#callLimitMs })) yield events;
  }
}

/** Literals with their type names are what `create` makes, without its walk over the schema. */
function requestOf({ callId, principal, call: { model, messages, fields, stream, choices }, modelId, insideOnly }: RoutedCall): StreamChatRequest {
  const call: ChatCall = { $typeName: 'chat.v1.ChatCall', model, messages, stream, choices, fields: fields.map(({ name, json }) => ({ $typeName: 'chat.v1.Field', name, json })) };
  return { $typeName: 'inference.v1.StreamChatRequest', callId, modelId, organisationId: principal.organisationId, insideOnly, asStream: false, call };
}
