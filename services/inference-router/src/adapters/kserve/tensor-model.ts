import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import type { Clock } from '@sluice/clock';
import { ServiceError } from '@sluice/errors';
import { DeadModel, rawTensors } from '@sluice/kserve';
import type { ChatEvent } from '@sluice/proto/chat/v1/chat';
import { ModelInferRequestSchema, ModelInferResponseSchema, ModelMetadataResponseSchema, type ModelInferResponse } from '@sluice/proto/kserve';
import { ModelConfigSchema, type ModelConfig } from '@sluice/proto/model_config';
import type { Logger } from '@sluice/telemetry';
import type { BackendCall, ModelFacts } from '../../domain/backend.ts';
import type { Deployment, Signature } from '../../domain/deployment.ts';
import { requireAcceptable } from '../../domain/tensor-request.ts';
import { AnswerSize } from './answer-size.ts';
import { KeptFacts } from './kept-facts.ts';
import { requireJsonForm } from './json-outputs.ts';
import type { KserveServer } from './kserve-server.ts';
import { isLanguageModel } from './model-signature.ts';
import { WHOLE_ANSWER_LIMIT_BYTES } from '../../domain/limits.ts';
import type { WholeAnswers } from '../../domain/whole-answers.ts';
import { ModelRaised } from '../../domain/model-raised.ts';
import { unaryFault } from './unary-fault.ts';

export interface TensorModelOptions {
  readonly server: Pick<KserveServer, 'client'>;
  readonly deployment: Pick<Deployment, 'id' | 'upstreamModel' | 'versionNumber' | 'signature'>;
  /** Begins anew with a model whose process died, where the platform manages it. */
  readonly revive: (signal: AbortSignal) => Promise<void>;
  /** The room of answers of tensors. */
  readonly wholeAnswers: WholeAnswers;
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * The model of one deployment as one that takes tensors. A model of language is asked in chats alone, where its texts are
 * seen as texts; which it is, the tensors say that it was registered with.
 */
export class TensorModel {
  readonly #options: TensorModelOptions;
  readonly #facts: KeptFacts;
  readonly #answerSize = new AnswerSize();

  constructor(options: TensorModelOptions) {
    this.#options = options;
    this.#facts = new KeptFacts((signal) => this.#ask(signal), options.clock);
  }

  /** One batch: Started, Tensors, Usage. */
  async *infer({ callId, call, versionId, deploymentId, jsonOutputs }: BackendCall, signal: AbortSignal): AsyncGenerator<ChatEvent[]> {
    signal.throwIfAborted();
    const signature = this.#requireTensors();
    const { server, deployment: { upstreamModel } } = this.#options;
    const asked = fromBinary(ModelInferRequestSchema, call.tensors);
    requireAcceptable(signature, asked.inputs, asked.outputs);
    if (jsonOutputs) await requireJsonForm(jsonOutputs, signature, asked, () => this.#takesBatches(signal));
    using room = this.#options.wholeAnswers.begin();
    // Before its server is asked, because the answer comes in one piece.
    room.take(this.#answerSize.expectedBytes(signature, asked));
    let answered: ModelInferResponse;
    try {
      // What the contract does not name is not passed on, nor is the client's id: ours finds the request in the server's log.
      const { parameters, inputs, outputs, rawInputContents } = asked;
      answered = await server.client.modelInfer({ modelName: upstreamModel, id: callId, parameters, inputs, outputs, rawInputContents }, { signal });
    } catch (thrown) {
      if (signal.aborted) throw signal.reason;
      const fault = unaryFault(thrown, { upstreamModel, model: call.model });
      if (fault.httpStatus >= 500) this.#facts.forget();
      if (fault.cause instanceof DeadModel) await this.#revive(signal);
      throw fault;
    }
    const response = toBinary(ModelInferResponseSchema, this.#inClientTerms(answered, call.model, asked.id));
    this.#answerSize.came(response.length);
    if (response.length > WHOLE_ANSWER_LIMIT_BYTES) throw tooLong();
    room.become(response.length);
    yield [
      eventOf({ case: 'started', value: { $typeName: 'chat.v1.Started', versionId, deploymentId, systemFingerprint: '', serviceTier: '' } }),
      eventOf({ case: 'tensors', value: { $typeName: 'chat.v1.Tensors', response } }),
      eventOf({ case: 'usage', value: { $typeName: 'chat.v1.Usage', inputTokens: 1n, outputTokens: 0n, cachedInputTokens: 0n, reasoningTokens: 0n, estimated: false, json: new Uint8Array() } }),
    ];
  }

  /** What it takes and gives, as its server said some seconds ago at most. */
  async describe(signal: AbortSignal): Promise<ModelFacts> {
    this.#requireTensors();
    return this.#facts.get(signal);
  }

  /** False where its server does not say. */
  async #takesBatches(signal: AbortSignal): Promise<boolean> {
    try {
      return fromBinary(ModelConfigSchema, (await this.#facts.get(signal)).config).maxBatchSize > 0;
    } catch {
      signal.throwIfAborted();
      return false;
    }
  }

  /** Of its configuration what callers need to ask it: how it is run is no business of theirs. */
  async #ask(signal: AbortSignal): Promise<ModelFacts> {
    const { server: { client }, deployment: { upstreamModel } } = this.#options;
    try {
      const { ready } = await client.modelReady({ name: upstreamModel }, { signal });
      if (!ready) throw new ServiceError('backend_unavailable', 'The model is not ready at its server.', { retryAfterSeconds: 1 });
      const metadata = await client.modelMetadata({ name: upstreamModel }, { signal });
      const { config } = await client.modelConfig({ name: upstreamModel }, { signal });
      return { metadata: toBinary(ModelMetadataResponseSchema, metadata), config: toBinary(ModelConfigSchema, publicConfig(config)) };
    } catch (thrown) {
      if (signal.aborted) throw signal.reason;
      throw unaryFault(thrown, { upstreamModel, model: upstreamModel });
    }
  }

  #requireTensors(): Signature {
    const { signature } = this.#options.deployment;
    if (signature && !isLanguageModel(signature)) return signature;
    throw new ServiceError('invalid_value', 'The model is a language model: ask it with POST /v1/chat/completions.', { param: 'model' });
  }

  async #revive(signal: AbortSignal): Promise<void> {
    try {
      await this.#options.revive(signal);
    } catch (thrown) {
      this.#options.logger.warn({ deploymentId: this.#options.deployment.id, code: ServiceError.from(thrown).code }, 'a model whose process died could not be begun anew');
    }
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

/** The same request would be answered so anywhere. */
function tooLong(): ServiceError {
  return new ServiceError('upstream_error', `The model's answer is larger than an answer may be (${WHOLE_ANSWER_LIMIT_BYTES} bytes).`, { cause: new ModelRaised('Its answer was larger than an answer may be.') });
}

function publicConfig(config: ModelConfig | undefined): ModelConfig {
  if (!config) return create(ModelConfigSchema);
  const { name, platform, backend, maxBatchSize, input, output, modelTransactionPolicy } = config;
  return create(ModelConfigSchema, { name, platform, backend, maxBatchSize, input, output, ...(modelTransactionPolicy && { modelTransactionPolicy }) });
}

function eventOf(event: ChatEvent['event']): ChatEvent {
  return { $typeName: 'chat.v1.ChatEvent', event };
}
