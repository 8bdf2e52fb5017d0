import { ServiceError } from '@sluice/errors';
import { COUNTS_PROMPTS, TEXT_INPUTS, TEXT_OUTPUTS } from '@sluice/kserve';
import type { SupervisedModel } from '../domain/supervised-model.ts';
import type { DurationTotal } from '../domain/model-statistics.ts';

/** A model has one version at a time; what a version means is the registry's affair. */
const VERSION = '1';

export function checkVersion(model: string, version: string): void {
  if (version !== '' && version !== VERSION) throw new ServiceError('model_not_found', `The model '${model}' has no version '${version}' at the local engine.`);
}

/** The tensors of the text contract. */
export function modelMetadata(model: SupervisedModel) {
  return {
    name: model.name,
    versions: [VERSION],
    platform: 'llama.cpp',
    inputs: TEXT_INPUTS.map(({ name, datatype }) => ({ name, datatype, shape: [1n] })),
    outputs: TEXT_OUTPUTS.map(({ name, datatype, shape }) => ({ name, datatype, shape: [...shape] })),
  };
}

/** What a router needs to render a chat, as parameters, because the configuration has no fields for it. */
export function modelConfig({ name, facts, settings }: SupervisedModel) {
  const parameters = {
    chat_template: facts.chatTemplate,
    bos_token: facts.bosToken,
    eos_token: facts.eosToken,
    context_length_tokens: String(facts.contextTokens),
    architecture: facts.architecture,
    sequences: String(facts.sequences),
    weights_path: settings.weightsPath,
    [COUNTS_PROMPTS]: 'true',
  };
  return {
    config: {
      name,
      platform: 'llama.cpp',
      backend: 'llama.cpp',
      maxBatchSize: 0,
      modelTransactionPolicy: { decoupled: true },
      parameters: Object.fromEntries(Object.entries(parameters).map(([key, stringValue]) => [key, { stringValue }])),
    },
  };
}

export function modelStatistics({ name, statistics }: SupervisedModel) {
  const duration = ({ count, ns }: DurationTotal) => ({ count: BigInt(count), ns });
  return {
    name,
    version: VERSION,
    lastInference: BigInt(Math.round(statistics.lastInferenceMs)),
    inferenceCount: BigInt(statistics.success.count),
    executionCount: BigInt(statistics.success.count),
    inferenceStats: { success: duration(statistics.success), fail: duration(statistics.fail), queue: duration(statistics.queue) },
  };
}

export function indexEntry(model: SupervisedModel) {
  return { name: model.name, version: VERSION, state: model.isReady ? 'READY' : 'UNAVAILABLE', reason: model.isReady ? '' : 'its process is being restarted' };
}
