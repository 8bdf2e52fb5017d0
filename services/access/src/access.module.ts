import { createSecretKey } from 'node:crypto';
import { Inject, Module, type DynamicModule, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import type { Platform } from '@sluice/platform';
import { AccessService } from '@sluice/proto/access/v1/access';
import { AccessChangedSchema } from '@sluice/proto/events/v1/changes';
import { SignOfLife } from '@sluice/replica';
import { explainedTables, readMigrations } from '@sluice/sql';
import { z } from 'zod';
import { accessRpc } from './adapters/access.rpc.ts';
import { sqlActs } from './adapters/acts-sql.ts';
import { loadPepper } from './adapters/pepper-sql.ts';
import { accessConfig, type AccessConfig } from './config.ts';
import { bootstrap, type Bootstrap } from './domain/bootstrap.ts';
import type { Administration } from './domain/ports.ts';

const PLATFORM = Symbol('access platform');
const BOOTSTRAP = Symbol('access bootstrap');

/** What callers are told while the tables cannot be reached. */
const AWAY = { code: 'access_unavailable', message: 'The database of access is away.' } as const;

/** Owns its tables, opens an empty house, serves AccessService and gives its signs of life. */
@Module({})
class AccessModule implements OnModuleInit, OnApplicationShutdown {
  readonly #platform: Platform;
  readonly #bootstrap: Bootstrap | undefined;
  #signOfLife: SignOfLife | undefined;

  constructor(@Inject(PLATFORM) platform: Platform, @Inject(BOOTSTRAP) first: { value: Bootstrap | undefined }) {
    this.#platform = platform;
    this.#bootstrap = first.value;
  }

  async onModuleInit(): Promise<void> {
    const { clock, events, health, ids, rootKey } = this.#platform;
    const sql = explainedTables(await this.#platform.sql('access', await readMigrations(new URL('../migrations', import.meta.url))), AWAY);
    const pepper = createSecretKey(await loadPepper(sql, rootKey, ids));
    const administration = { acts: sqlActs(sql, { events, ids, rootKey }), clock, ids, pepper };
    // Before the first snapshot can be asked for: no event tells of a new organisation.
    if (this.#bootstrap) await this.#open(administration, this.#bootstrap);
    this.#platform.serve(AccessService, accessRpc(this.#platform, sql, administration));
    const signOfLife = (this.#signOfLife = new SignOfLife(this.#platform, AccessChangedSchema));
    health.register('access', () => signOfLife.health());
  }

  async onApplicationShutdown(): Promise<void> {
    await this.#signOfLife?.stop();
  }

  async #open(administration: Administration, first: Bootstrap): Promise<void> {
    const { logger } = this.#platform;
    const outcome = await bootstrap(administration, first);
    if (outcome === 'made') logger.info({}, 'Made the first organisation, its project and its keys.');
    if (outcome === 'unknown') {
      logger.warn({}, 'The given first keys do not open this house: it was made with others, or they were revoked. Nothing was changed.');
    }
  }
}

/** The service access on a platform. Throws a ZodError for a bootstrap that is not well formed. */
export function createAccess(platform: Platform, config: AccessConfig): DynamicModule {
  const { bootstrap: value } = z.object(accessConfig).parse(config);
  return {
    module: AccessModule,
    providers: [
      { provide: PLATFORM, useValue: platform },
      { provide: BOOTSTRAP, useValue: { value } },
    ],
  };
}
