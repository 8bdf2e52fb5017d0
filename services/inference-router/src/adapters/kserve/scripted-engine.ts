import { create } from '@bufbuild/protobuf';
import { ServiceError } from '@sluice/errors';
import { TEXT_INPUTS, TEXT_OUTPUTS, decodeTextRequest, encodeStreamError, encodeTextResponse, type TextRequest, type TextResponse } from '@sluice/kserve';
import { GRPCInferenceService, ModelConfigResponseSchema, type ModelStreamInferResponse, type RepositoryModelLoadRequest } from '@sluice/proto/kserve';
import { InProcessTransport, type Client, type Implementation } from '@sluice/rpc';

/** How a scripted engine answers one request: responses without their id, or a failure. */
export type AnswerScript = (request: TextRequest, signal: AbortSignal) => AsyncIterable<Omit<TextResponse, 'id'>> | Iterable<Omit<TextResponse, 'id'>>;

/** The engine's side of KServe v2 for tests of the adapter: real messages over the real transport, answers from a script. */
export class ScriptedEngine {
  readonly client: Client<typeof GRPCInferenceService>;
  readonly requests: TextRequest[] = [];
  /** Those that want their answer in one piece. */
  readonly wholeRequests: TextRequest[] = [];
  readonly loads: RepositoryModelLoadRequest[] = [];
  readonly loadSignals: AbortSignal[] = [];
  readonly unloads: string[] = [];
  script: AnswerScript = () => [];
  parameters: Record<string, string> = {};
  /** What a load throws, if it is to fail; and what must happen before it ends. */
  loadFailure: ServiceError | undefined;
  beforeLoaded: Promise<void> = Promise.resolve();
  /** What must happen before the configuration of a model is told. */
  beforeConfig: Promise<void> = Promise.resolve();
  /** Parts of ensembles, by their names. */
  ensembles: Readonly<Record<string, readonly string[]>> = {};
  isReady = true;
  /** What the model takes and gives, by name; all of datatype BYTES or BOOL as the text contract has them. */
  tensors = { inputs: [...TEXT_INPUTS], outputs: [...TEXT_OUTPUTS] };
  /** Inferences and executions that it says it has made; none: it refuses to tell. */
  counted: { readonly inferences: bigint; readonly executions: bigint } | undefined;
  isRestarting = false;
  /** What must happen before it says whether a model is ready. */
  beforeReady: Promise<void> = Promise.resolve();
  /** What a server that is not of the house says instead of an answer. */
  failInBand: string | undefined;

  constructor() {
    const transport = new InProcessTransport({ freezeStreams: true });
    transport.serve(GRPCInferenceService, this.#implementation() as Implementation<typeof GRPCInferenceService>);
    this.client = transport.connect(GRPCInferenceService);
  }

  #implementation(): Partial<Implementation<typeof GRPCInferenceService>> {
    const refuse = () => Promise.reject(new ServiceError('method_not_supported', 'not scripted'));
    const known = Object.fromEntries(GRPCInferenceService.methods.map(({ localName }) => [localName, refuse]));
    return {
      ...known,
      modelReady: async () => {
        await this.beforeReady;
        return { ready: this.isReady };
      },
      modelMetadata: ({ name }) => {
        const described = (tensors: readonly { readonly name: string; readonly datatype: string }[]) => tensors.map(({ name: tensor, datatype }) => ({ name: tensor, datatype, shape: [1n] }));
        return Promise.resolve({ name, inputs: described(this.tensors.inputs), outputs: described(this.tensors.outputs) });
      },
      modelStatistics: async ({ name }) => {
        if (!this.counted) return refuse();
        const { inferences, executions } = this.counted;
        return { modelStats: [{ name, inferenceCount: inferences, executionCount: executions, inferenceStats: { fail: { count: 1n }, queue: { ns: 2_500_000_000n } }, batchStats: [{ batchSize: 4n, computeInfer: { count: executions } }] }] };
      },
      modelConfig: async ({ name }) => {
        await this.beforeConfig;
        return create(ModelConfigResponseSchema, {
          config: { name, ...this.#scheduling(name), parameters: Object.fromEntries(Object.entries(this.parameters).map(([key, stringValue]) => [key, { stringValue }])) },
        });
      },
      repositoryIndex: () => Promise.resolve({ models: this.isRestarting ? [{ name: 'm', version: '1', state: 'UNAVAILABLE' }] : [] }),
      repositoryModelLoad: async (request, { signal }) => {
        this.loads.push(request);
        this.loadSignals.push(signal);
        await this.beforeLoaded;
        if (this.loadFailure) throw this.loadFailure;
        this.isReady = true;
        return {};
      },
      repositoryModelUnload: ({ modelName }) => {
        this.unloads.push(modelName);
        return Promise.resolve({});
      },
      modelStreamInfer: (messages, { signal }) => this.#answer(messages, signal),
    };
  }

  #scheduling(name: string) {
    const parts = this.ensembles[name];
    return parts && { schedulingChoice: { case: 'ensembleScheduling' as const, value: { step: parts.map((modelName) => ({ modelName })) } } };
  }

  async *#answer(messages: AsyncIterable<Parameters<typeof decodeTextRequest>[0]>, signal: AbortSignal): AsyncGenerator<ModelStreamInferResponse> {
    for await (const message of messages) {
      const request = decodeTextRequest(message);
      (request.stream ? this.requests : this.wholeRequests).push(request);
      if (this.failInBand !== undefined) {
        yield { $typeName: 'inference.ModelStreamInferResponse', errorMessage: this.failInBand };
        continue;
      }
      try {
        for await (const response of this.script(request, signal)) {
          yield { $typeName: 'inference.ModelStreamInferResponse', errorMessage: '', inferResponse: encodeTextResponse(request.model, { ...response, id: request.id }, request) };
        }
      } catch (thrown) {
        yield encodeStreamError(request.id, ServiceError.from(thrown));
      }
    }
  }
}
