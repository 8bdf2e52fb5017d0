import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import { ManualClock, systemClock, systemIds } from '@sluice/clock';
import { rootKeyFrom } from '@sluice/envelope';
import { createPostgresEventLog, type PostgresEventLog } from '@sluice/events';
import { ServiceError } from '@sluice/errors';
import { Health } from '@sluice/lifecycle';
import type { Platform } from '@sluice/platform';
import { AccessService } from '@sluice/proto/access/v1/access';
import { ModelRegistryService, type GetSnapshotResponse } from '@sluice/proto/model_registry/v1/model_registry';
import { InProcessTransport, type Client } from '@sluice/rpc';
import { createSql, migrate, type SqlPool } from '@sluice/sql';
import { startTestDatabase } from '@sluice/sql/testing';
import type { LogFields, Logger } from '@sluice/telemetry';
import { createModelRegistry } from '../index.ts';

/** A database, an event log and a clock that outlive the processes which a test starts and stops on them. */
export class House implements AsyncDisposable {
  readonly clock = new ManualClock();
  readonly ids = systemIds(systemClock);
  readonly rootKey = rootKeyFrom(this.ids.randomBytes(32));
  readonly logged: string[] = [];
  readonly #pools: SqlPool[] = [];
  readonly #running: Running[] = [];
  readonly url: string;
  readonly events: PostgresEventLog;
  readonly #dropDatabase: () => Promise<void>;

  private constructor(url: string, events: PostgresEventLog, dropDatabase: () => Promise<void>) {
    this.url = url;
    this.events = events;
    this.#dropDatabase = dropDatabase;
  }

  static async build(): Promise<House> {
    const database = await startTestDatabase();
    const events = await createPostgresEventLog({ url: database.url, clock: systemClock, logger: silentLogger([]) });
    return new House(database.url, events, () => database.stop());
  }

  /** Starts the registry as a process would; what `parts` names is taken instead of the real part. */
  async start(parts: Partial<Platform> = {}): Promise<Running> {
    const transport = new InProcessTransport();
    const platform: Platform = {
      connect: (service) => transport.connect(service),
      serve: (service, implementation) => transport.serve(service, implementation),
      events: this.events,
      sql: async (schema, migrations) => {
        const pool = this.sql(schema);
        await migrate(pool, migrations);
        return pool;
      },
      clock: this.clock,
      ids: this.ids,
      rootKey: this.rootKey,
      logger: silentLogger(this.logged),
      health: new Health(),
      ...parts,
    };
    const context = await NestFactory.createApplicationContext(createModelRegistry(platform, {}), { logger: false, abortOnError: false });
    const running = new Running(platform, transport.connect(ModelRegistryService), () => context.close());
    this.#running.push(running);
    return running;
  }

  sql(schema: string): SqlPool {
    const pool = createSql({ url: this.url, schema, connections: 3 });
    this.#pools.push(pool);
    return pool;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const running of this.#running) await running.stop();
    await this.events.stop();
    for (const pool of this.#pools) await pool.end();
    await this.#dropDatabase();
  }
}

/** One running registry, and what tests ask of it all the time. */
export class Running {
  readonly platform: Platform;
  readonly registry: Client<typeof ModelRegistryService>;
  readonly #close: () => Promise<void>;

  constructor(platform: Platform, registry: Client<typeof ModelRegistryService>, close: () => Promise<void>) {
    this.platform = platform;
    this.registry = registry;
    this.#close = close;
  }

  snapshot(): Promise<GetSnapshotResponse> {
    return this.registry.getSnapshot({});
  }

  stop(): Promise<void> {
    return this.#close();
  }
}

/** Access as it answers of `owner`, `member` and `auditor` of `org`, and of an owner of `other`. */
export function servePeople(running: Running): void {
  const mayChangeModels = new Set(['org owner', 'org member', 'other their owner']);
  const unasked = () => Promise.reject(new Error('the registry asks access for nothing but permission'));
  running.platform.serve(AccessService, {
    getSnapshot: unasked, getProjectSecrets: unasked, createProject: unasked, listProjects: unasked, createApiKey: unasked, listApiKeys: unasked, revokeApiKey: unasked,
    async authorise({ actor, action }) {
      if (action === 'model.change' && mayChangeModels.has(`${actor?.organisationId} ${actor?.keyId}`)) return {};
      throw new ServiceError('insufficient_permissions', 'This needs a live admin key of the organisation.');
    },
  });
}

function silentLogger(lines: string[]): Logger {
  const log = (level: string) => (fields: LogFields, message: string) => {
    const shown = Object.entries(fields).map(([name, value]) => `${name}=${value instanceof Error ? value.message : String(value)}`);
    lines.push([level, message, ...shown].join(' '));
  };
  return { debug: log('debug'), info: log('info'), warn: log('warn'), error: log('error'), child: () => silentLogger(lines) };
}
