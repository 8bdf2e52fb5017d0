import { Inject, Module, type DynamicModule, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import { AccessPermissions } from '@sluice/permissions';
import type { Platform } from '@sluice/platform';
import { AccessService } from '@sluice/proto/access/v1/access';
import { ModelRegistryService } from '@sluice/proto/model_registry/v1/model_registry';
import { RegistryChangedSchema } from '@sluice/proto/events/v1/changes';
import { SignOfLife } from '@sluice/replica';
import { explainedTables, readMigrations } from '@sluice/sql';
import { sqlActs } from './adapters/acts-sql.ts';
import { Credentials } from './adapters/credentials.ts';
import { grpcModelServers } from './adapters/model-servers.ts';
import { modelRegistryRpc } from './adapters/model-registry.rpc.ts';
import type { ModelRegistryConfig } from './config.ts';

const PLATFORM = Symbol('model registry platform');

/** What callers are told while the tables cannot be reached. */
const AWAY = { code: 'backend_unavailable', message: 'The database of the model registry is away.' } as const;

/** Owns its tables, serves ModelRegistryService and gives its signs of life. */
@Module({})
class ModelRegistryModule implements OnModuleInit, OnApplicationShutdown {
  readonly #platform: Platform;
  #signOfLife: SignOfLife | undefined;

  constructor(@Inject(PLATFORM) platform: Platform) {
    this.#platform = platform;
  }

  async onModuleInit(): Promise<void> {
    const { clock, events, health, ids, rootKey } = this.#platform;
    const migrations = await readMigrations(new URL('../migrations', import.meta.url));
    const sql = explainedTables(await this.#platform.sql('model_registry', migrations), AWAY);
    const credentials = new Credentials(rootKey);
    const acts = sqlActs(sql, { events, ids, credentials });
    const permissions = new AccessPermissions(this.#platform.connect(AccessService));
    const administration = { acts, permissions, servers: grpcModelServers(clock), clock, ids };
    this.#platform.serve(ModelRegistryService, modelRegistryRpc(this.#platform, sql, credentials, administration));
    const signOfLife = (this.#signOfLife = new SignOfLife(this.#platform, RegistryChangedSchema));
    health.register('model-registry', () => signOfLife.health());
  }

  async onApplicationShutdown(): Promise<void> {
    await this.#signOfLife?.stop();
  }
}

/** The service model-registry on a platform. */
export function createModelRegistry(platform: Platform, _config: ModelRegistryConfig): DynamicModule {
  return { module: ModelRegistryModule, providers: [{ provide: PLATFORM, useValue: platform }] };
}
