import type { InferenceService, InferTensorsRequest, StreamChatRequest } from '@sluice/proto/inference/v1/inference';
import type { Client } from '@sluice/rpc';
import type { Events } from '../domain/call.ts';
import type { CountedCall, DescribedModel, ModelDescriber, ModelDescription, RoutedCall, Router } from '../domain/ports.ts';
import { chatCall } from './chat-call.ts';

/** A tokeniser answers within milliseconds. Longer would keep a client waiting for a refusal that is due anyway. */
export const COUNT_LIMIT_MS = 1_000;

/** Servers hold what they say of their models in memory. */
const DESCRIBE_LIMIT_MS = 5_000;

/**
 * The inference router, as the flow calls it. Whole answers travel by the stream rpc too: in process it hands messages
 * over by reference, where a unary call encodes and decodes prompt and answer.
 */
export class RouterClient implements Router, ModelDescriber {
  readonly #inference: Client<typeof InferenceService>;

  readonly #callLimitMs: number;

  /** @param callLimitMs longest life of a call: the router has no limit of its own */
  constructor(inference: Client<typeof InferenceService>, callLimitMs: number) {
    this.#inference = inference;
    this.#callLimitMs = callLimitMs;
  }

  async *stream(routed: RoutedCall, signal: AbortSignal): AsyncIterable<Events> {
    const options = { signal, timeoutMs: this.#callLimitMs };
    const answers = routed.call.tensors ? this.#inference.inferTensors(tensorsRequestOf(routed), options) : this.#inference.streamChat(requestOf(routed), options);
    for await (const { events } of answers) yield events;
  }

  async describe({ principal: { organisationId }, modelId, version }: DescribedModel, signal: AbortSignal): Promise<ModelDescription> {
    return this.#inference.describeModel({ modelId, organisationId, version }, { signal, timeoutMs: DESCRIBE_LIMIT_MS });
  }

  async countInput({ callId, principal: { organisationId }, call, modelId }: CountedCall, signal: AbortSignal): Promise<number | undefined> {
    const { inputTokens } = await this.#inference.countTokens({ callId, modelId, organisationId, call: chatCall(call) }, { signal, timeoutMs: COUNT_LIMIT_MS });
    return inputTokens === undefined ? undefined : Number(inputTokens);
  }
}

function tensorsRequestOf({ callId, principal, call, modelId, insideOnly }: RoutedCall): InferTensorsRequest {
  const { jsonOutputs: names } = call;
  return { $typeName: 'inference.v1.InferTensorsRequest', callId, modelId, organisationId: principal.organisationId, insideOnly, call: chatCall(call), ...(names && { jsonOutputs: { $typeName: 'inference.v1.JsonOutputs', names: [...names] } }) };
}

function requestOf({ callId, principal, call, modelId, insideOnly, asStream }: RoutedCall): StreamChatRequest {
  return { $typeName: 'inference.v1.StreamChatRequest', callId, modelId, organisationId: principal.organisationId, insideOnly, asStream, call: chatCall(call) };
}
