import { ServiceError } from '@sluice/errors';
import { COUNTS_PROMPTS } from '@sluice/kserve';
import type { ModelConfigResponse } from '@sluice/proto/kserve';
import { ChatTemplate } from './chat-template.ts';
import { isPartOf } from './ensemble-parts.ts';
import type { KserveBackendOptions } from './kserve-backend.ts';
import { isUnknownModel } from './server-fault.ts';
import { untilAborted } from './until-aborted.ts';

/** The engine of this house, which loads what it is told to; every other server has its models from its own repository. */
export const LOCAL = 'local';

/** Facts that the server holds in memory, and the end of a model: as long as a health check that has failed twice takes. */
const ASK_TIMEOUT_MS = 5_000;
/** The engine itself gives up after ten minutes, and its reason says more than silence does. */
const LOAD_TIMEOUT_MS = 11 * 60_000;

/** After a load that failed at another server: each try costs it seconds, and it will not go better by itself soon. */
export const LOAD_PAUSE_MS = 10_000;

/** What a server says of its model. */
interface Described {
  readonly template: ChatTemplate;
  /** It may be asked for the count of a prompt alone. */
  readonly countsPrompts: boolean;
}

/** The model of one deployment at its server: makes it ready, and knows its chat template. */
export class ServedModel {
  readonly #options: KserveBackendOptions;
  #described: Promise<Described> | undefined;
  #loading: Promise<void> | undefined;
  #lastLoadFault = '';
  #pause: { readonly untilMs: number; readonly fault: ServiceError } | undefined;
  /** Ends the load that is under way; behind a release every further one too. */
  #loadEnd = new AbortController();

  constructor(options: KserveBackendOptions) {
    this.#options = options;
  }

  /** Resolves when the model can take calls; loads it when it is ours to load, once for all who wait. */
  async makeReady(signal: AbortSignal): Promise<void> {
    if (!(await this.isReady(signal))) await this.load(signal);
  }

  async isReady(signal: AbortSignal): Promise<boolean> {
    const { server, deployment } = this.#options;
    return (await server.client.modelReady({ name: deployment.upstreamModel }, { signal })).ready;
  }

  /** Loads what its server said is not ready, when it is ours to load, once for all who wait. */
  async load(signal: AbortSignal): Promise<void> {
    const { deployment } = this.#options;
    this.#described = undefined;
    if (!this.#isOurs || (await this.#isRestarting(signal))) {
      throw new ServiceError('backend_unavailable', `The model '${deployment.upstreamModel}' is not ready at its server.`, { retryAfterSeconds: 1 });
    }
    if (this.#pause && this.#options.clock.monotonicMs() < this.#pause.untilMs) throw this.#pause.fault;
    this.#loading ??= this.#load().finally(() => (this.#loading = undefined));
    await untilAborted(this.#loading, signal);
  }

  /** Asked for once; the weights of a deployment never change. */
  async described(signal: AbortSignal): Promise<Described> {
    if (!this.#described) {
      await this.makeReady(signal);
      const asked = this.#ask();
      this.#described = asked;
      asked.catch(() => (this.#described = undefined));
    }
    return untilAborted(this.#described, signal);
  }

  /** The server that was told to load it is not heard any more: the next who want the model have it loaded anew. */
  giveUpLoad(): void {
    this.#loadEnd.abort(new ServiceError('backend_unavailable', `The server of the model '${this.#options.deployment.upstreamModel}' is silent while it loads it.`));
    this.#loadEnd = new AbortController();
  }

  /** Whether the platform loads and unloads it. */
  get #isOurs(): boolean {
    const { target, managed } = this.#options.deployment;
    return target === LOCAL || managed;
  }

  /** Begins anew with a model whose process died; its server would go on with the dead one. */
  async reload(signal: AbortSignal): Promise<void> {
    const { server, deployment } = this.#options;
    if (!this.#isOurs) return;
    await server.client.repositoryModelUnload({ modelName: deployment.upstreamModel }, { signal, timeoutMs: ASK_TIMEOUT_MS });
    this.#described = undefined;
  }

  /** The server no longer has the model: the next call makes it ready again. Returns what to tell this one. */
  forget(): ServiceError {
    this.#described = undefined;
    return new ServiceError('backend_unavailable', `The model '${this.#options.deployment.upstreamModel}' is not loaded at its server.`, { retryAfterSeconds: 1 });
  }

  /** Gives the memory of a model that is ours back, unless another deployment uses what stands under its name. */
  async release(): Promise<void> {
    const { server, deployment, logger, mayUnload } = this.#options;
    if (!this.#isOurs) return;
    this.#loadEnd.abort(new ServiceError('cancelled', 'The deployment was taken out of service.'));
    try {
      await this.#loading?.catch(() => undefined);
      if (!mayUnload() || (deployment.target === LOCAL && (await this.#isOthers()))) return;
      if (await this.#isNeededByEnsemble()) return;
      // While the server was asked, the registry may have begun to want it again.
      if (!mayUnload()) return;
      await server.client.repositoryModelUnload({ modelName: deployment.upstreamModel }, { timeoutMs: ASK_TIMEOUT_MS });
    } catch (thrown) {
      const error = ServiceError.from(thrown);
      // Another router was faster: all of them hear that the deployment is gone.
      const isGone = isUnknownModel(error);
      // Triton ends a load before it unloads, whether its caller waits for that or not.
      if (!isGone && error.code !== 'deadline_exceeded') logger.warn({ deploymentId: deployment.id, error }, 'a model could not be unloaded');
      else if (!isGone) logger.info({ deploymentId: deployment.id }, 'a model is unloaded when its server has done what it is at');
    }
  }

  /** A server that does not say leaves it open: a model that stays costs memory, one that is gone costs every call of the ensemble. */
  async #isNeededByEnsemble(): Promise<boolean> {
    const { server, deployment, logger, neighbours } = this.#options;
    try {
      const isNeeded = await isPartOf(server.client, deployment.upstreamModel, neighbours());
      if (isNeeded) logger.info({ deploymentId: deployment.id }, 'a model stays loaded, because an ensemble that is in service needs it');
      return isNeeded;
    } catch (thrown) {
      logger.warn({ deploymentId: deployment.id, error: ServiceError.from(thrown) }, 'a model stays loaded, because its server did not say whether an ensemble that is in service needs it');
      return true;
    }
  }

  /** Other weights stand under its name by now. */
  async #isOthers(): Promise<boolean> {
    const { server, deployment } = this.#options;
    const config = await server.client.modelConfig({ name: deployment.upstreamModel }, { timeoutMs: ASK_TIMEOUT_MS });
    return parameter(config, 'weights_path') !== deployment.weightsPath;
  }

  /** A model that is loaded but away comes back by itself; loading it again would not help. */
  async #isRestarting(signal: AbortSignal): Promise<boolean> {
    const { server, deployment } = this.#options;
    if (deployment.target !== LOCAL) return false;
    const { models } = await server.client.repositoryIndex({}, { signal });
    return models.some(({ name, state }) => name === deployment.upstreamModel && state === 'UNAVAILABLE');
  }

  async #load(): Promise<void> {
    const { server, deployment, clock, logger } = this.#options;
    const startedMs = clock.monotonicMs();
    const { signal } = this.#loadEnd;
    const text = (value: string) => ({ parameterChoice: { case: 'stringParam' as const, value } });
    const parameters = deployment.target === LOCAL ? { weights_path: text(deployment.weightsPath), weights_digest: text(deployment.digest) } : {};
    try {
      await server.client.repositoryModelLoad({ modelName: deployment.upstreamModel, parameters }, { timeoutMs: LOAD_TIMEOUT_MS, signal });
    } catch (thrown) {
      throw signal.aborted ? signal.reason : this.#loadFault(ServiceError.from(thrown));
    }
    logger.info({ deploymentId: deployment.id, durationMs: Math.round(clock.monotonicMs() - startedMs) }, 'the model is loaded');
  }

  /** What a client may know of a load that failed; where the weights lie is for the log. */
  #loadFault(cause: ServiceError): ServiceError {
    const { deployment, logger, clock } = this.#options;
    // A load that fails is tried again with every health check: said once.
    if (cause.message !== this.#lastLoadFault) logger.warn({ deploymentId: deployment.id, weightsPath: deployment.weightsPath, error: cause }, 'the model could not be loaded');
    this.#lastLoadFault = cause.message;
    if (cause.code === 'model_not_installed') return notInstalled(cause);
    if (deployment.target !== LOCAL) {
      const fault = new ServiceError('backend_unavailable', `The model '${deployment.upstreamModel}' cannot be loaded at its server; the server's log says why.`, { cause });
      this.#pause = { untilMs: clock.monotonicMs() + LOAD_PAUSE_MS, fault };
      return fault;
    }
    if (cause.code !== 'failed_precondition') return tooSlow(cause);
    const message = `The model '${deployment.upstreamModel}' cannot be loaded: its weights are damaged, are not those that were registered, or need more memory than there is.`;
    return new ServiceError('backend_unavailable', message, { cause });
  }

  async #ask(): Promise<Described> {
    const { server, deployment } = this.#options;
    const config = await server.client.modelConfig({ name: deployment.upstreamModel }, { timeoutMs: ASK_TIMEOUT_MS }).catch((thrown: unknown) => Promise.reject(tooSlow(ServiceError.from(thrown))));
    const template = new ChatTemplate(parameter(config, 'chat_template'), parameter(config, 'bos_token'), parameter(config, 'eos_token'));
    return { template, countsPrompts: parameter(config, COUNTS_PROMPTS) === 'true' };
  }
}

function parameter({ config }: ModelConfigResponse, name: string): string {
  return config?.parameters[name]?.stringValue ?? '';
}

/** A deadline of ours that the server missed is its fault, not the call's. */
function tooSlow(error: ServiceError): ServiceError {
  return error.code === 'deadline_exceeded' ? new ServiceError('upstream_timeout', "The model's server did not answer in time.", { cause: error }) : error;
}

/** Names no model: its name at the engine is not the one that it is added under. */
function notInstalled(cause: ServiceError): ServiceError {
  const message = "The model is not installed: its weights are missing. Add them under its name with './sluice model add NAME --gguf FILE', or add a model of another server with './sluice model add NAME --openai URL'.";
  return new ServiceError('model_not_installed', message, { cause });
}
