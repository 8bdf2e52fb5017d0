import { ForeignGrpcStatus, ServiceError } from '@sluice/errors';
import { decodeStreamError, encodeTextRequest } from '@sluice/kserve';
import type { BackendStatistics } from '../../domain/backend.ts';
import type { KserveBackendOptions } from './kserve-backend.ts';
import { isLanguageModel, requireSignature, requireTextContract } from './model-signature.ts';
import { readStatistics } from './model-statistics.ts';
import { LOCAL, type ServedModel } from './served-model.ts';
import { only, textRequest } from './text-question.ts';

/** Checks without any answer after which a connection is given up: a peer that was unplugged never ends one by itself. */
const SILENT_CHECKS = 2;
/** Canonical gRPC status of a server that has no statistics. */
const UNIMPLEMENTED = 12;

/**
 * The health of a model at a KServe v2 server: it is ready, it is what was registered, it can be asked, and, when calls
 * found it dead, it answers again. Keeps what the server counted.
 */
export class ServerWatch {
  readonly #options: KserveBackendOptions;
  readonly #model: ServedModel;
  #silent = 0;
  #isSuspect = false;
  #hasStatistics = true;
  #statistics: BackendStatistics | undefined;

  constructor(options: KserveBackendOptions, model: ServedModel) {
    this.#options = options;
    this.#model = model;
  }

  get statistics(): BackendStatistics | undefined {
    return this.#statistics;
  }

  /** A call met a dead model behind a server that says it is ready: the next check tries it. */
  suspect(): void {
    this.#isSuspect = true;
  }

  /** Throws with a reason that is free of content when the model cannot take calls. */
  async check(signal: AbortSignal): Promise<void> {
    if (!(await this.#hear(signal))) await this.#model.load(signal);
    const { server, deployment } = this.#options;
    const { signature } = deployment;
    if (signature) {
      requireSignature(signature, await server.client.modelMetadata({ name: deployment.upstreamModel }, { signal }));
      if (isLanguageModel(signature)) await this.#checkText(signal);
    }
    await this.#count(signal);
  }

  /** Whether the model is ready. A server that says neither is behind a connection that is dead, also while it was to load the model. */
  async #hear(signal: AbortSignal): Promise<boolean> {
    try {
      const isReady = await this.#model.isReady(signal);
      this.#silent = 0;
      return isReady;
    } catch (thrown) {
      if (signal.aborted && ++this.#silent >= SILENT_CHECKS) this.#renew();
      throw thrown;
    }
  }

  #renew(): void {
    this.#silent = 0;
    // The engine of the house is on no connection of its own, and may be silent while it reads weights.
    if (this.#options.deployment.target === LOCAL) return;
    this.#options.server.renew();
    this.#model.giveUpLoad();
  }

  async #checkText(signal: AbortSignal): Promise<void> {
    requireTextContract(this.#options.deployment.signature!);
    // A model that no chat can be rendered for is better known before a call.
    await this.#model.described(signal);
    if (this.#isSuspect) await this.#try(signal);
  }

  /** One token. A model that the platform manages is begun anew when it is dead, and is ready at a later check. */
  async #try(signal: AbortSignal): Promise<void> {
    const { server, deployment } = this.#options;
    const question = encodeTextRequest(textRequest(deployment.upstreamModel, 'health', '.', { max_tokens: 1 }));
    for await (const response of server.client.modelStreamInfer(only(question), { signal })) {
      const error = decodeStreamError(response);
      if (!error) break;
      await this.#model.reload(signal);
      throw error;
    }
    this.#isSuspect = false;
  }

  /** Statistics are asked of who has them; that they cannot be read says nothing of the model. */
  async #count(signal: AbortSignal): Promise<void> {
    if (!this.#hasStatistics) return;
    const { server, deployment } = this.#options;
    try {
      this.#statistics = readStatistics((await server.client.modelStatistics({ name: deployment.upstreamModel }, { signal })).modelStats);
    } catch (thrown) {
      const { cause } = ServiceError.from(thrown);
      if (cause instanceof ForeignGrpcStatus && cause.grpcCode === UNIMPLEMENTED) this.#hasStatistics = false;
    }
  }
}
