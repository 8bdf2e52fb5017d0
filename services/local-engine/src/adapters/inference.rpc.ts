import type { Ids } from '@sluice/clock';
import { ServiceError } from '@sluice/errors';
import type { GRPCInferenceService } from '@sluice/proto/kserve';
import type { Implementation } from '@sluice/rpc';
import type { LocalEngineConfig } from '../config.ts';
import type { Engine } from '../domain/engine.ts';
import { infer, streamInfer } from './infer.rpc.ts';
import { readLoadSettings } from './load-settings.ts';
import { checkVersion, indexEntry, modelConfig, modelMetadata, modelStatistics } from './model-description.ts';

interface InferenceParts {
  readonly engine: Engine;
  readonly ids: Ids;
  readonly config: LocalEngineConfig;
}

const EXTENSIONS = ['model_repository', 'binary_tensor_data', 'model_configuration', 'parameters', 'statistics'];

/** KServe v2 as Triton answers it. What llama.cpp has nothing for is refused with `method_not_supported`. */
export function inferenceService(parts: InferenceParts): Implementation<typeof GRPCInferenceService> {
  const { engine } = parts;
  const get = ({ name, version }: { readonly name: string; readonly version: string }) => {
    checkVersion(name, version);
    return engine.get(name);
  };
  return {
    serverLive: () => Promise.resolve({ live: true }),
    serverReady: () => Promise.resolve({ ready: engine.models.every(({ isReady }) => isReady) }),
    modelReady: ({ name, version }) => Promise.resolve({ ready: (version === '' || version === '1') && (engine.find(name)?.isReady ?? false) }),
    serverMetadata: () => Promise.resolve({ name: 'sluice-local-engine', version: '0.1.0', extensions: EXTENSIONS }),
    modelMetadata: async (request) => modelMetadata(get(request)),
    modelConfig: async (request) => modelConfig(get(request)),
    modelInfer: (request, { signal }) => infer(parts, request, signal),
    modelStreamInfer: (requests, { signal }) => streamInfer(parts, requests, signal),
    modelStatistics: async (request) => ({ modelStats: (request.name === '' ? engine.models : [get(request)]).map(modelStatistics) }),
    repositoryIndex: async ({ ready }) => {
      const loading = engine.namesLoading.map((name) => ({ name, version: '1', state: 'LOADING', reason: '' }));
      const loaded = engine.models.map(indexEntry);
      return { models: ready ? loaded.filter(({ state }) => state === 'READY') : [...loaded, ...loading] };
    },
    repositoryModelLoad: async (request, { signal }) => {
      if (request.modelName === '') throw new ServiceError('missing_required_parameter', "'model_name' is missing.", { param: 'model_name' });
      await engine.load(request.modelName, readLoadSettings(request, parts.config), signal);
      return {};
    },
    repositoryModelUnload: async ({ modelName }) => {
      await engine.unload(modelName);
      return {};
    },
    systemSharedMemoryStatus: notSupported,
    systemSharedMemoryRegister: notSupported,
    systemSharedMemoryUnregister: notSupported,
    cudaSharedMemoryStatus: notSupported,
    cudaSharedMemoryRegister: notSupported,
    cudaSharedMemoryUnregister: notSupported,
    traceSetting: notSupported,
  };
}

function notSupported(): Promise<never> {
  return Promise.reject(new ServiceError('method_not_supported', 'The local engine has no shared memory and no trace settings.'));
}
