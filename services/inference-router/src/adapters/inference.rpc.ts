import type { ChatCall, ChatEvent } from '@sluice/proto/chat/v1/chat';
import { type InferenceService, type InferTensorsResponse, type StreamChatResponse } from '@sluice/proto/inference/v1/inference';
import { fromBinary } from '@bufbuild/protobuf';
import { ServiceError } from '@sluice/errors';
import { ModelInferRequestSchema } from '@sluice/proto/kserve';
import type { Implementation } from '@sluice/rpc';
import { countInput, type CountOptions } from '../domain/count-input.ts';
import { describeModel } from '../domain/describe-model.ts';
import type { Member } from '../domain/member.ts';
import { routeCall, type RoutedCall, type RouteOptions } from '../domain/route-call.ts';
import type { WholeAnswers } from '../domain/whole-answers.ts';

/** The objects of an event. Engines that answer token by token make far more of them than text. */
const EVENT_BYTES = 256;

interface Request {
  readonly callId: string;
  readonly organisationId: string;
  readonly modelId: string;
  readonly insideOnly: boolean;
  readonly call?: ChatCall | undefined;
}

/** InferenceService over the domain. */
export function inferenceRpc(options: RouteOptions & CountOptions & { readonly wholeAnswers: WholeAnswers }): Implementation<typeof InferenceService> {
  return {
    async chat(request, { signal }) {
      const routed = routedCall(request);
      const events: ChatEvent[] = [];
      using room = options.wholeAnswers.begin();
      const keep = (batch: readonly ChatEvent[]): void => {
        for (const event of batch) {
          // The usage at the end says all of it.
          if (event.event.case === 'counts') continue;
          room.take(weightOf(event));
          events.push(event);
        }
      };
      // One batch behind, when the backend has given back the room of what became the batch: nothing is counted twice.
      let latest: readonly ChatEvent[] = [];
      for await (const batch of routeCall({ ...routed, call: { ...routed.call, stream: false } }, signal, options)) {
        keep(latest);
        latest = batch;
      }
      keep(latest);
      return { events };
    },

    async *streamChat(request, { signal }) {
      const routed = routedCall(request);
      const streamed = request.asStream ? { ...routed, call: { ...routed.call, stream: true } } : routed;
      for await (const events of routeCall(streamed, signal, options)) {
        // Typed by hand: the hot path hands messages over by reference.
        yield { $typeName: 'inference.v1.StreamChatResponse', events } satisfies StreamChatResponse;
      }
    },

    async countTokens(request, { signal }) {
      const inputTokens = await countInput(routedCall({ ...request, insideOnly: true }), signal, options);
      return inputTokens === undefined ? {} : { inputTokens: BigInt(inputTokens) };
    },

    async *inferTensors(request, { signal }) {
      const routed = routedCall(request);
      if (routed.call.tensors.length === 0) throw new ServiceError('missing_required_parameter', 'The request holds no tensors.', { param: 'tensors' });
      const { modelVersion } = fromBinary(ModelInferRequestSchema, routed.call.tensors);
      for await (const events of routeCall({ ...routed, version: modelVersion, jsonOutputs: request.jsonOutputs?.names }, signal, options)) {
        yield { $typeName: 'inference.v1.InferTensorsResponse', events } satisfies InferTensorsResponse;
      }
    },

    describeModel: (request, { signal }) => describeModel(request, signal, options),

    async listBackends({ organisationId }) {
      if (organisationId === '') throw new ServiceError('missing_required_parameter', 'The request names no organisation.', { param: 'organisation_id' });
      const own = options.fleet.list().filter(({ deployment }) => options.registry.knows(organisationId, deployment.modelId));
      return {
        backends: own.map((member) => ({
          deploymentId: member.deployment.id,
          modelId: member.deployment.modelId,
          versionId: member.deployment.versionId,
          // Calls may try a backend that was not asked yet; to say that it is healthy takes its answer.
          healthy: !member.isRetired && member.isHealthy && member.health.status === 'up',
          breaker: member.breaker.state,
          inFlight: member.inFlight,
          reason: reasonOf(member),
        })),
      };
    },
  };
}

function reasonOf(member: Member): string {
  if (member.isRetired) return 'Draining: it was taken out of service.';
  return member.health.status === 'unknown' ? 'It was not asked yet.' : member.reason;
}

/** Roughly what an event takes in memory, without counting characters exactly. */
function weightOf({ event }: ChatEvent): number {
  if (event.case !== 'delta') return EVENT_BYTES;
  const { text, logprobsJson, extraJson } = event.value;
  return EVENT_BYTES + text.length + logprobsJson.length + extraJson.length;
}

function routedCall({ callId, organisationId, modelId, insideOnly, call }: Request): RoutedCall {
  if (!call) throw new ServiceError('missing_required_parameter', 'The request holds no call.', { param: 'call' });
  if (organisationId === '') throw new ServiceError('missing_required_parameter', 'The request names no organisation.', { param: 'organisation_id' });
  if (modelId === '') throw new ServiceError('missing_required_parameter', 'The request names no model.', { param: 'model_id' });
  return { callId, organisationId, modelId, insideOnly, call };
}
