import { fromBinary } from '@bufbuild/protobuf';
import { ServiceError } from '@sluice/errors';
import type { Health } from '@sluice/lifecycle';
import { ModelReadyRequestSchema, type GRPCInferenceService } from '@sluice/proto/kserve';
import type { UnreadCall, UnreadImplementation } from '@sluice/rpc/grpc';
import type { Principal } from '../../domain/call.ts';
import { retryHeaders } from '../error-envelope.ts';
import { TENSOR_MESSAGE_LIMIT_BYTES, TENSOR_QUESTION_LIMIT_BYTES } from '../limits.ts';
import { Uploads } from '../uploads.ts';
import { readMessage } from './grpc-body.ts';
import { infer } from './grpc-infer.ts';
import { isModelReady, modelFacts, SERVER_FACTS } from './model-facts.ts';
import type { TensorDoor } from './tensor-visit.ts';

/**
 * KServe v2 over gRPC (`inference.GRPCInferenceService`): the same calls, under the same rules, as over HTTP. The key comes
 * in the metadata, `authorization: Bearer KEY`; until it is known to be good nothing else of a call is read. What headers
 * tell over HTTP (id of the call, limits, when to come again), trailers do here, by the same names.
 */
export function tensorService(door: TensorDoor & { readonly health: Health }): UnreadImplementation<typeof GRPCInferenceService> {
  const requests = new Uploads(door.clock, TENSOR_MESSAGE_LIMIT_BYTES);
  const questions = new Uploads(door.clock, TENSOR_QUESTION_LIMIT_BYTES);
  const told = <T>(answer: (call: UnreadCall, callId: string) => Promise<T>) => async (call: UnreadCall): Promise<T> => {
    const callId = (call.trailers['x-request-id'] = door.ids.callId());
    try {
      return await answer(call, callId);
    } catch (thrown) {
      const error = ServiceError.from(thrown);
      Object.assign(call.trailers, retryHeaders(error));
      if (error.code === 'internal') door.logger.error({ requestId: callId, err: error.cause instanceof Error ? error.cause : error }, 'a call over gRPC failed');
      throw error;
    }
  };
  const asked = <T>(answer: (question: Question) => Promise<T>) => told((call) => ask(door, questions, call, answer));
  const refused = told(() => Promise.reject(new ServiceError('method_not_supported', 'This rpc of KServe v2 is not served here.')));
  return {
    serverLive: told(async () => ({ live: true })),
    serverReady: told(async () => ({ ready: door.health.report().status !== 'down' && !door.open.draining })),
    serverMetadata: told(async () => SERVER_FACTS),
    modelReady: asked(async ({ principal, name, version, signal }) => ({ ready: await isModelReady(door, principal, name, version, signal) })),
    modelMetadata: asked(async ({ principal, name, version, signal }) => (await modelFacts(door, principal, name, version, signal)).metadata),
    modelConfig: asked(async ({ principal, name, version, signal }) => ({ config: (await modelFacts(door, principal, name, version, signal)).config })),
    modelInfer: told((call, callId) => infer(door, requests, call, callId)),
    modelStreamInfer: told(() => Promise.reject(new ServiceError('method_not_supported', 'Streams of tensors are not served here: ask with ModelInfer.'))),
    // What would show one tenant the others, drives a server, or names memory of a machine that callers do not share.
    modelStatistics: refused, repositoryIndex: refused, repositoryModelLoad: refused, repositoryModelUnload: refused,
    systemSharedMemoryStatus: refused, systemSharedMemoryRegister: refused, systemSharedMemoryUnregister: refused,
    cudaSharedMemoryStatus: refused, cudaSharedMemoryRegister: refused, cudaSharedMemoryUnregister: refused,
    traceSetting: refused,
  };
}

/** Who asks about which model. */
interface Question {
  readonly principal: Principal;
  readonly name: string;
  readonly version: string;
  readonly signal: AbortSignal;
}

/** What is asked before a call. It takes a place like a call, and is none: it is not on record. */
async function ask<T>(door: TensorDoor, questions: Uploads, call: UnreadCall, answer: (question: Question) => Promise<T>): Promise<T> {
  const place = door.open.enter();
  try {
    const principal = await door.principalOf(call.metadata['authorization']);
    const signal = AbortSignal.any([place.signal, call.signal]);
    const message = await readMessage(call, questions, { signal, hold: (bytes) => door.open.hold(place, bytes) });
    // The three questions are the same message: a name and a version.
    const { name, version } = fromBinary(ModelReadyRequestSchema, message);
    return await answer({ principal, name, version, signal });
  } finally {
    door.open.workEnded(place);
    door.open.clientLeft(place);
  }
}
