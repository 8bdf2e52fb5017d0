import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import { ManualClock, systemClock, systemIds } from '@sluice/clock';
import { rootKeyFrom } from '@sluice/envelope';
import { createPostgresEventLog, type PostgresEventLog } from '@sluice/events';
import { Health } from '@sluice/lifecycle';
import type { Platform } from '@sluice/platform';
import { AccessService, KeyKind, Role, type ApiKey, type GetSnapshotResponse } from '@sluice/proto/access/v1/access';
import { InProcessTransport, type Client } from '@sluice/rpc';
import { createSql, migrate, type SqlPool } from '@sluice/sql';
import { startTestDatabase } from '@sluice/sql/testing';
import type { LogFields, Logger } from '@sluice/telemetry';
import { createAccess, newSecret, type AccessConfig } from '../index.ts';

/** A database, an event log and a clock that outlive the processes which a test starts and stops on them. */
export class House implements AsyncDisposable {
  readonly clock = new ManualClock();
  readonly ids = systemIds(systemClock);
  readonly adminKey = newSecret('admin', this.ids);
  readonly apiKey = newSecret('inference', this.ids);
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

  /** Starts access as a process would; what `parts` names is taken instead of the real part. */
  async start(parts: Partial<Platform> = {}, config: AccessConfig = { bootstrap: { adminKey: this.adminKey, apiKey: this.apiKey } }): Promise<Running> {
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
    const context = await NestFactory.createApplicationContext(createAccess(platform, config), { logger: false, abortOnError: false });
    const running = new Running(platform, transport.connect(AccessService), () => context.close());
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

/** One running access, and what tests ask of it all the time. */
export class Running {
  readonly platform: Platform;
  readonly access: Client<typeof AccessService>;
  readonly #close: () => Promise<void>;

  constructor(platform: Platform, access: Client<typeof AccessService>, close: () => Promise<void>) {
    this.platform = platform;
    this.access = access;
    this.#close = close;
  }

  snapshot(): Promise<GetSnapshotResponse> {
    return this.access.getSnapshot({});
  }

  /** The first owner as an actor, and the first project. */
  async first(): Promise<{ actor: { keyId: string; organisationId: string }; projectId: string }> {
    const { keys, projects } = await this.snapshot();
    const owner = keys.find(({ role }) => role === Role.OWNER)!;
    return { actor: { keyId: owner.id, organisationId: owner.organisationId }, projectId: projects[0]!.project!.id };
  }

  async adminKey(role: Role, expiresAtMs = 0n): Promise<ApiKey> {
    const { actor } = await this.first();
    return (await this.access.createApiKey({ actor, kind: KeyKind.ADMIN, role, name: 'admin', expiresAtMs })).key!;
  }

  stop(): Promise<void> {
    return this.#close();
  }
}

function silentLogger(lines: string[]): Logger {
  const log = (level: string) => (fields: LogFields, message: string) => {
    const shown = Object.entries(fields).map(([name, value]) => `${name}=${value instanceof Error ? value.message : String(value)}`);
    lines.push([level, message, ...shown].join(' '));
  };
  return { debug: log('debug'), info: log('info'), warn: log('warn'), error: log('error'), child: () => silentLogger(lines) };
}
