import { Inject, Module, type DynamicModule, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import type { ServiceError } from '@sluice/errors';
import type { Platform } from '@sluice/platform';
import { InferenceService } from '@sluice/proto/inference/v1/inference';
import { GRPCInferenceService } from '@sluice/proto/kserve';
import { ModelRegistryService } from '@sluice/proto/model_registry/v1/model_registry';
import { createCallMeter, observeRouter } from './adapters/call-meter.ts';
import { inferenceRpc } from './adapters/inference.rpc.ts';
import { createKserveBackend } from './adapters/kserve/kserve-backend.ts';
import { houseEngine, remoteServer } from './adapters/kserve/kserve-server.ts';
import { LOCAL } from './adapters/kserve/served-model.ts';
import { createOpenAiBackend } from './adapters/openai/openai-backend.ts';
import { RegistryReplica } from './adapters/registry-replica.ts';
import type { InferenceRouterConfig } from './config.ts';
import { BackendFault, reasonOf } from './domain/backend-fault.ts';
import type { Backend } from './domain/backend.ts';
import type { Deployment } from './domain/deployment.ts';
import { Fleet } from './domain/fleet.ts';
import { WholeAnswers } from './domain/whole-answers.ts';

const PLATFORM = Symbol('inference-router platform');
const CONFIG = Symbol('inference-router config');

/** Follows the registry, keeps the fleet of backends, serves InferenceService. Owns no table. */
@Module({})
class InferenceRouterModule implements OnModuleInit, OnApplicationShutdown {
  readonly #platform: Platform;
  readonly #config: InferenceRouterConfig;
  readonly #fleet: Fleet;
  readonly #wholeAnswers: WholeAnswers;
  /** Of tensors: their lengths are partly guessed, and a wrong guess must throttle no chat. */
  readonly #tensorAnswers: WholeAnswers;
  readonly #registry: RegistryReplica;
  #forgetGauges: (() => void) | undefined;
  #isStopping = false;

  constructor(@Inject(PLATFORM) platform: Platform, @Inject(CONFIG) config: InferenceRouterConfig) {
    const { clock, events, ids, logger } = platform;
    this.#platform = platform;
    this.#config = config;
    this.#wholeAnswers = new WholeAnswers(config.SLUICE_WHOLE_ANSWERS_LIMIT_BYTES);
    this.#tensorAnswers = new WholeAnswers(config.SLUICE_WHOLE_ANSWERS_LIMIT_BYTES, 'Try again shortly, or ask for fewer tensors at once.');
    this.#fleet = new Fleet({
      open: (deployment) => this.#open(deployment),
      clock,
      random: (bound) => ids.randomBytes(4).readUInt32LE() % bound,
      inFlightPerDeployment: config.SLUICE_DEPLOYMENT_CONCURRENCY,
      onFault: ({ id }, error) => logger.error({ deploymentId: id, error: error instanceof Error ? error : undefined }, 'A backend could not be opened or closed.'),
    });
    this.#registry = new RegistryReplica({
      owner: platform.connect(ModelRegistryService),
      events,
      clock,
      logger,
      onChange: (copy) => this.#fleet.reconcile(copy.active()),
    });
  }

  onModuleInit(): void {
    const { clock, health, logger } = this.#platform;
    const { SLUICE_FIRST_TOKEN_MS: firstTokenMs, SLUICE_WHOLE_ANSWER_MS: wholeAnswerMs, SLUICE_STREAM_IDLE_MS: idleMs } = this.#config;
    const limits = { firstTokenMs, wholeAnswerMs, idleMs };
    this.#platform.serve(InferenceService, inferenceRpc({ registry: this.#registry, fleet: this.#fleet, wholeAnswers: this.#wholeAnswers, clock, meter: createCallMeter(clock), limits, onFailedAttempt: warnOf(logger, 'An attempt at a backend failed.'), onFailedCount: warnOf(logger, 'A backend did not count a prompt.') }));
    this.#forgetGauges = observeRouter(this.#fleet, { chat: this.#wholeAnswers, tensors: this.#tensorAnswers });
    health.register('inference-router', () => this.#registry.health());
    this.#registry.start();
  }

  async onApplicationShutdown(): Promise<void> {
    this.#isStopping = true;
    await this.#registry.stop();
    await this.#fleet.close();
    this.#forgetGauges?.();
  }

  #open(deployment: Deployment): Backend {
    const { clock, logger } = this.#platform;
    const { target, credential } = deployment;
    if (deployment.protocol === 'kserve') {
      const server = target === LOCAL ? houseEngine(this.#platform.connect(GRPCInferenceService)) : remoteServer(target, clock);
      return createKserveBackend({ server, deployment, mayUnload: () => this.#mayUnload(deployment), neighbours: () => this.#neighbours(deployment), wholeAnswers: this.#tensorAnswers, clock, logger });
    }
    return createOpenAiBackend({ target, credential, connections: this.#config.SLUICE_DEPLOYMENT_CONCURRENCY, wholeAnswers: this.#wholeAnswers, clock });
  }

  /** The engine of this house ends with this process. A model of another server serves on when only this process ends, or when it is deployed twice. */
  #mayUnload(deployment: Deployment): boolean {
    return deployment.target === LOCAL || (!this.#isStopping && !this.#neighbours(deployment).includes(deployment.upstreamModel));
  }

  /** The engine of this house has no ensembles. */
  #neighbours({ id, target }: Deployment): string[] {
    if (target === LOCAL) return [];
    return this.#fleet.list().filter(({ deployment, isRetired }) => !isRetired && deployment.id !== id && deployment.target === target).map(({ deployment }) => deployment.upstreamModel);
  }
}

/** An operator's first look at why a backend fails. Codes, statuses and ids only. */
function warnOf(logger: Platform['logger'], message: string): (deployment: Deployment, error: ServiceError) => void {
  return ({ id }, error) => {
    const status = error.cause instanceof BackendFault ? error.cause.status : undefined;
    logger.warn({ deploymentId: id, code: error.code, ...(status !== undefined && { upstreamStatus: status }), reason: reasonOf(error) }, message);
  };
}

/** The service inference-router on a platform. */
export function createInferenceRouter(platform: Platform, config: InferenceRouterConfig): DynamicModule {
  return {
    module: InferenceRouterModule,
    providers: [
      { provide: PLATFORM, useValue: platform },
      { provide: CONFIG, useValue: config },
    ],
  };
}
