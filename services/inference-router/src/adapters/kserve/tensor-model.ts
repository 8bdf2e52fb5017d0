import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { ServiceError } from '@sluice/errors';
import { rawTensors } from '@sluice/kserve';
import type { ChatEvent } from '@sluice/proto/chat/v1/chat';
import { ModelInferRequestSchema, ModelInferResponseSchema, ModelMetadataResponseSchema, type GRPCInferenceService, type ModelInferResponse, type ModelMetadataResponse } from '@sluice/proto/kserve';
import { ModelConfigSchema, type ModelConfig } from '@sluice/proto/model_config';
import type { Client } from '@sluice/rpc';
import type { BackendCall, ModelFacts } from '../../domain/backend.ts';
import type { Deployment } from '../../domain/deployment.ts';
import { unaryFault } from './unary-fault.ts';

export interface TensorModelOptions {
  readonly engine: Client<typeof GRPCInferenceService>;
  readonly deployment: Pick<Deployment, 'upstreamModel' | 'versionNumber'>;
}

const TEXT_INPUT = 'text_input';
const TEXT_OUTPUT = 'text_output';

/** Facts that the server holds in memory. */
const ASK_TIMEOUT_MS = 5_000;

/**
 * The model of one deployment as one that takes tensors. Whether it is one, its server says: what takes a text and gives
 * one, by the names that Triton's vLLM and TensorRT-LLM backends and the engine of this house have for them, is a model of
 * language, and is asked in chats alone, where its texts are seen as texts.
 */
export class TensorModel {
  readonly #options: TensorModelOptions;
  /** Asked for once, and again when the model was away: its server may have another one by then. */
  #metadata: Promise<ModelMetadataResponse> | undefined;

  constructor(options: TensorModelOptions) {
    this.#options = options;
  }

  /** One batch: Started, Tensors, Usage. */
  async *infer({ callId, call, versionId, deploymentId }: BackendCall, signal: AbortSignal): AsyncGenerator<ChatEvent[]> {
    signal.throwIfAborted();
    const { engine, deployment: { upstreamModel } } = this.#options;
    let answered: ModelInferResponse;
    const asked = fromBinary(ModelInferRequestSchema, call.tensors);
    try {
      await this.#requireTensors(signal);
      // What the contract does not name is not passed on, nor is the client's id: ours finds the request in the server's log.
      const { parameters, inputs, outputs, rawInputContents } = asked;
      answered = await engine.modelInfer({ modelName: upstreamModel, id: callId, parameters, inputs, outputs, rawInputContents }, { signal });
    } catch (thrown) {
      if (signal.aborted) throw signal.reason;
      throw this.#fault(thrown, call.model);
    }
    const response = toBinary(ModelInferResponseSchema, this.#inClientTerms(answered, call.model, asked.id));
    yield [
      eventOf({ case: 'started', value: { $typeName: 'chat.v1.Started', versionId, deploymentId, systemFingerprint: '', serviceTier: '' } }),
      eventOf({ case: 'tensors', value: { $typeName: 'chat.v1.Tensors', response } }),
      eventOf({ case: 'usage', value: { $typeName: 'chat.v1.Usage', inputTokens: 1n, outputTokens: 0n, cachedInputTokens: 0n, reasoningTokens: 0n, estimated: false, json: new Uint8Array() } }),
    ];
  }

  /** What it takes and gives. Of its configuration what callers need to ask it: how it is run is no business of theirs. */
  async describe(signal: AbortSignal): Promise<ModelFacts> {
    const { engine, deployment: { upstreamModel } } = this.#options;
    try {
      this.#metadata = undefined;
      const metadata = await this.#requireTensors(signal);
      const { ready } = await engine.modelReady({ name: upstreamModel }, { signal });
      if (!ready) throw new ServiceError('backend_unavailable', 'The model is not ready at its server.', { retryAfterSeconds: 1 });
      const { config } = await engine.modelConfig({ name: upstreamModel }, { signal });
      return { metadata: toBinary(ModelMetadataResponseSchema, metadata), config: toBinary(ModelConfigSchema, publicConfig(config)) };
    } catch (thrown) {
      if (signal.aborted) throw signal.reason;
      throw this.#fault(thrown, upstreamModel);
    }
  }

  /** @throws ServiceError `invalid_value` when the model takes no text */
  async requireLanguage(signal: AbortSignal): Promise<void> {
    const metadata = await this.#known(signal).catch((thrown: unknown) => Promise.reject(this.#fault(thrown, this.#options.deployment.upstreamModel)));
    if (isLanguage(metadata)) return;
    throw new ServiceError('invalid_value', 'The model is no language model: ask it with POST /v2/models/{name}/infer.', { param: 'model' });
  }

  async #requireTensors(signal: AbortSignal): Promise<ModelMetadataResponse> {
    const metadata = await this.#known(signal);
    if (!isLanguage(metadata)) return metadata;
    throw new ServiceError('invalid_value', 'The model is a language model: ask it with POST /v1/chat/completions.', { param: 'model' });
  }

  async #known(signal: AbortSignal): Promise<ModelMetadataResponse> {
    const { engine, deployment } = this.#options;
    if (!this.#metadata) {
      const asked = engine.modelMetadata({ name: deployment.upstreamModel }, { timeoutMs: ASK_TIMEOUT_MS });
      this.#metadata = asked;
      asked.catch(() => this.#forget(asked));
    }
    const metadata = await this.#metadata;
    signal.throwIfAborted();
    return metadata;
  }

  #forget(asked: Promise<ModelMetadataResponse>): void {
    if (this.#metadata === asked) this.#metadata = undefined;
  }

  #fault(thrown: unknown, model: string): ServiceError {
    const fault = unaryFault(thrown, { upstreamModel: this.#options.deployment.upstreamModel, model });
    if (fault.code === 'backend_unavailable') this.#metadata = undefined;
    return fault;
  }

  /** Servers may answer in either form of data; what is no valid answer is a fault of theirs. */
  #inClientTerms({ outputs, parameters, rawOutputContents }: ModelInferResponse, model: string, id: string): ModelInferResponse {
    try {
      const raw = rawTensors(outputs, rawOutputContents);
      return create(ModelInferResponseSchema, {
        modelName: model, modelVersion: versionOf(this.#options.deployment), id, parameters, rawOutputContents: raw,
        outputs: outputs.map(({ name, datatype, shape, parameters: own }) => ({ name, datatype, shape, parameters: own })),
      });
    } catch (cause) {
      throw new ServiceError('upstream_error', "The model's answer is no valid one.", { cause });
    }
  }
}

function versionOf({ versionNumber }: TensorModelOptions['deployment']): string {
  return versionNumber === undefined ? '' : String(versionNumber);
}

function isLanguage({ inputs, outputs }: ModelMetadataResponse): boolean {
  return inputs.some(({ name }) => name === TEXT_INPUT) && outputs.some(({ name }) => name === TEXT_OUTPUT);
}

function publicConfig(config: ModelConfig | undefined): ModelConfig {
  if (!config) return create(ModelConfigSchema);
  const { name, platform, backend, maxBatchSize, input, output, modelTransactionPolicy } = config;
  return create(ModelConfigSchema, { name, platform, backend, maxBatchSize, input, output, ...(modelTransactionPolicy && { modelTransactionPolicy }) });
}

function eventOf(event: ChatEvent['event']): ChatEvent {
  return { $typeName: 'chat.v1.ChatEvent', event };
}
