import { ServiceError } from '@sluice/errors';
import type { ModelConfigResponse } from '@sluice/proto/kserve';
import { ChatTemplate } from './chat-template.ts';
import type { KserveBackendOptions } from './kserve-backend.ts';

/** The engine of this house, which loads what it is told to; every other server has its models from its own repository. */
const LOCAL = 'local';

/** The model of one deployment at its server: makes it ready, and knows its chat template. */
export class ServedModel {
  readonly #options: KserveBackendOptions;
  #template: Promise<ChatTemplate> | undefined;
  #loading: Promise<void> | undefined;

  constructor(options: KserveBackendOptions) {
    this.#options = options;
  }

  /** Resolves when the model can take calls; loads it when it is ours to load, once for all who wait. */
  async makeReady(signal: AbortSignal): Promise<void> {
    const { engine, deployment } = this.#options;
    const { ready } = await engine.modelReady({ name: deployment.upstreamModel }, { signal });
    if (ready) return;
    if (deployment.target !== LOCAL || (await this.#isRestarting(signal))) {
      throw new ServiceError('backend_unavailable', `The model '${deployment.upstreamModel}' is not ready at its server.`, { retryAfterSeconds: 1 });
    }
    this.#loading ??= this.#load().finally(() => (this.#loading = undefined));
    await untilAborted(this.#loading, signal);
  }

  /** Asked for once; the weights of a deployment never change. */
  async template(signal: AbortSignal): Promise<ChatTemplate> {
    if (!this.#template) {
      await this.makeReady(signal);
      const asked = this.#askTemplate();
      this.#template = asked;
      asked.catch(() => (this.#template = undefined));
    }
    return untilAborted(this.#template, signal);
  }

  /** The server no longer has the model: the next call makes it ready again. Returns what to tell this one. */
  forget(): ServiceError {
    this.#template = undefined;
    return new ServiceError('backend_unavailable', `The model '${this.#options.deployment.upstreamModel}' is not loaded at its server.`, { retryAfterSeconds: 1 });
  }

  /** Gives the memory of a local model back, unless another deployment put other weights under its name meanwhile. */
  async release(): Promise<void> {
    const { engine, deployment, logger } = this.#options;
    if (deployment.target !== LOCAL) return;
    try {
      await this.#loading?.catch(() => undefined);
      const config = await engine.modelConfig({ name: deployment.upstreamModel });
      if (parameter(config, 'weights_path') === deployment.weightsPath) await engine.repositoryModelUnload({ modelName: deployment.upstreamModel });
    } catch (thrown) {
      const error = ServiceError.from(thrown);
      if (error.code !== 'model_not_found') logger.warn({ deploymentId: deployment.id, error }, 'a model could not be unloaded');
    }
  }

  /** A model that is loaded but away comes back by itself; loading it again would not help. */
  async #isRestarting(signal: AbortSignal): Promise<boolean> {
    const { engine, deployment } = this.#options;
    const { models } = await engine.repositoryIndex({}, { signal });
    return models.some(({ name, state }) => name === deployment.upstreamModel && state === 'UNAVAILABLE');
  }

  async #load(): Promise<void> {
    const { engine, deployment, clock, logger } = this.#options;
    const startedMs = clock.monotonicMs();
    try {
      await engine.repositoryModelLoad({
        modelName: deployment.upstreamModel,
        parameters: { weights_path: { parameterChoice: { case: 'stringParam', value: deployment.weightsPath } } },
      });
    } catch (thrown) {
      const error = ServiceError.from(thrown);
      throw error.code === 'model_not_installed' ? notInstalled(deployment.upstreamModel, error) : error;
    }
    logger.info({ deploymentId: deployment.id, durationMs: Math.round(clock.monotonicMs() - startedMs) }, 'the model is loaded');
  }

  async #askTemplate(): Promise<ChatTemplate> {
    const { engine, deployment } = this.#options;
    const config = await engine.modelConfig({ name: deployment.upstreamModel });
    return new ChatTemplate(parameter(config, 'chat_template'), parameter(config, 'bos_token'), parameter(config, 'eos_token'));
  }
}

function parameter({ config }: ModelConfigResponse, name: string): string {
  return config?.parameters[name]?.stringValue ?? '';
}

function notInstalled(model: string, cause: ServiceError): ServiceError {
  const message = `The model '${model}' is not installed: its weights are missing. Add them with './sluice model add ${model} --gguf FILE', or add a model of another server with './sluice model add NAME --openai URL'.`;
  return new ServiceError('model_not_installed', message, { cause });
}

/** Work that others wait for too goes on; only this caller leaves. */
async function untilAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted();
  let onAbort = (): void => undefined;
  const aborted = new Promise<never>((_, reject) => (onAbort = () => reject(signal.reason)));
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}
