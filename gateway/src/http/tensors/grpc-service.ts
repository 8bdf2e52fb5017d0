import { ServiceError } from '@sluice/errors';
import type { Health } from '@sluice/lifecycle';
import type { GRPCInferenceService } from '@sluice/proto/kserve';
import type { HandlerContext, Implementation } from '@sluice/rpc';
import { isModelReady, modelFacts, SERVER_FACTS } from './model-facts.ts';
import { tensorCall } from './tensor-call.ts';
import { TensorVisit, type TensorDoor } from './tensor-visit.ts';

/** The key comes as over HTTP: `authorization: Bearer KEY` in the metadata. */
const KEY = 'authorization';

/** KServe v2 over gRPC (`inference.GRPCInferenceService`): the same calls, under the same rules, as over HTTP. */
export function tensorService(door: TensorDoor & { readonly health: Health }): Implementation<typeof GRPCInferenceService> {
  const known = async ({ metadata }: HandlerContext) => door.principalOf(metadata[KEY]);
  return {
    serverLive: async () => ({ live: true }),
    serverReady: async () => ({ ready: door.health.report().status !== 'down' && !door.open.draining }),
    serverMetadata: async () => SERVER_FACTS,
    modelReady: async ({ name, version }, context) => ({ ready: await isModelReady(door, await known(context), name, version, context.signal) }),
    modelMetadata: async ({ name, version }, context) => (await modelFacts(door, await known(context), name, version, context.signal)).metadata,
    modelConfig: async ({ name, version }, context) => ({ config: (await modelFacts(door, await known(context), name, version, context.signal)).config }),
    modelInfer: async (request, { signal, metadata }) => {
      const visit = await TensorVisit.enter(door, door.ids.callId(), metadata[KEY], request.modelName);
      const onAbort = (): void => visit.abort.abort(signal.reason);
      if (signal.aborted) onAbort();
      signal.addEventListener('abort', onAbort, { once: true });
      try {
        await visit.authenticate();
        visit.hold(request.rawInputContents.reduce((sum, { length }) => sum + length, 0));
        return await visit.run(() => tensorCall(request.modelName, request.modelVersion, request));
      } catch (thrown) {
        throw await visit.refuse(thrown);
      } finally {
        signal.removeEventListener('abort', onAbort);
        visit.workEnded();
        visit.clientLeft(!signal.aborted);
      }
    },
    modelStreamInfer: () => {
      throw new ServiceError('method_not_supported', 'Streams of tensors are not served here: ask with ModelInfer.');
    },
    ...REFUSED,
  };
}

/** What would show one tenant the others, drives a server, or names memory of a machine that callers do not share. */
const REFUSED = {
  modelStatistics: notServed, repositoryIndex: notServed, repositoryModelLoad: notServed, repositoryModelUnload: notServed,
  systemSharedMemoryStatus: notServed, systemSharedMemoryRegister: notServed, systemSharedMemoryUnregister: notServed,
  cudaSharedMemoryStatus: notServed, cudaSharedMemoryRegister: notServed, cudaSharedMemoryUnregister: notServed,
  traceSetting: notServed, logSettings: notServed,
};

function notServed(): Promise<never> {
  return Promise.reject(new ServiceError('method_not_supported', 'This rpc of KServe v2 is not served here.'));
}
