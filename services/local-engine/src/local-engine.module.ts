import { resolve } from 'node:path';
import { Inject, Injectable, Module, type DynamicModule, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import type { Platform } from '@sluice/platform';
import { GRPCInferenceService } from '@sluice/proto/kserve';
import { DigestFile } from './adapters/digest-file.ts';
import { observeEngine } from './adapters/engine-figures.ts';
import { inferenceService } from './adapters/inference.rpc.ts';
import { KnownWeights } from './adapters/known-weights.ts';
import { llamaChildren } from './adapters/llama-child.ts';
import type { LocalEngineConfig } from './config.ts';
import { Engine } from './domain/engine.ts';

const PLATFORM = Symbol('platform');
const CONFIG = Symbol('config');

@Injectable()
class LocalEngineLifecycle implements OnModuleInit, OnApplicationShutdown {
  readonly #platform: Platform;
  readonly #config: LocalEngineConfig;
  readonly #engine: Engine;
  readonly #digests: DigestFile;
  #hideFigures: (() => void) | undefined;

  constructor(@Inject(PLATFORM) platform: Platform, @Inject(CONFIG) config: LocalEngineConfig) {
    this.#platform = platform;
    this.#config = config;
    const logger = platform.logger.child({ service: 'local-engine' });
    this.#digests = new DigestFile(config.knownWeightsFile, logger);
    const weights = new KnownWeights(llamaChildren(platform.clock), this.#digests);
    this.#engine = new Engine({
      start: (model, settings, signal) => weights.start(model, { ...settings, weightsPath: resolve(config.modelsFolder ?? '/', settings.weightsPath) }, signal),
      clock: platform.clock,
      logger,
      waitingLimit: config.LOCAL_ENGINE_WAITING_LIMIT,
      waitLimitMs: config.LOCAL_ENGINE_WAIT_LIMIT_MS,
    });
  }

  onModuleInit(): void {
    this.#platform.serve(GRPCInferenceService, inferenceService({ engine: this.#engine, ids: this.#platform.ids, config: this.#config }));
    this.#hideFigures = observeEngine(this.#engine);
    // A model that is being restarted leaves the rest of the platform at work.
    this.#platform.health.register('local-engine', () => {
      const away = this.#engine.models.filter(({ isReady }) => !isReady).map(({ name }) => name);
      return away.length === 0 ? { status: 'ok' } : { status: 'degraded', detail: `not ready: ${away.join(', ')}` };
    });
  }

  async onApplicationShutdown(): Promise<void> {
    this.#hideFigures?.();
    await this.#engine.close();
    await this.#digests.settled();
  }
}

@Module({})
class LocalEngineModule {}

/** Serves KServe v2 for GGUF models, each in a process of its own. */
export function createLocalEngine(platform: Platform, config: LocalEngineConfig): DynamicModule {
  return {
    module: LocalEngineModule,
    providers: [{ provide: PLATFORM, useValue: platform }, { provide: CONFIG, useValue: config }, LocalEngineLifecycle],
  };
}
