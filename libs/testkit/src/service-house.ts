import 'reflect-metadata';
import type { DynamicModule } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ManualClock, systemClock, systemIds } from '@sluice/clock';
import { rootKeyFrom } from '@sluice/envelope';
import { createPostgresEventLog, type PostgresEventLog } from '@sluice/events';
import { Health } from '@sluice/lifecycle';
import type { Platform } from '@sluice/platform';
import { InProcessTransport } from '@sluice/rpc';
import { createSql, migrate, type SqlPool } from '@sluice/sql';
import { createInProcessStore } from '@sluice/store';
import { startTestDatabase, type TestDatabase } from '@sluice/sql/testing';
import { silentLogger } from '@sluice/telemetry';
import { recordingLogger } from './recording-logger.ts';

/** What a house stands on; made before it, because a constructor cannot wait. */
export interface Ground {
  readonly database: TestDatabase;
  readonly events: PostgresEventLog;
}

/**
 * What outlives the processes that a test of one service starts and stops: an embedded PostgreSQL, the event log in it, a
 * clock and a root key. A service extends it by how it is started and by what its tests ask all the time.
 */
export class ServiceHouse implements AsyncDisposable {
  readonly clock = new ManualClock();
  readonly ids = systemIds(systemClock);
  readonly rootKey = rootKeyFrom(this.ids.randomBytes(32));
  /** Every line that a process of the house has logged. */
  readonly logged: string[] = [];
  readonly events: PostgresEventLog;
  readonly #database: TestDatabase;
  readonly #pools: SqlPool[] = [];
  readonly #stops: (() => Promise<void>)[] = [];

  protected constructor({ database, events }: Ground) {
    this.#database = database;
    this.events = events;
  }

  protected static async lay(): Promise<Ground> {
    const database = await startTestDatabase();
    return { database, events: await createPostgresEventLog({ url: database.url, clock: systemClock, logger: silentLogger }) };
  }

  /** The platform of one process, with a transport of its own; what `parts` names is taken instead of the real part. */
  platform(parts: Partial<Platform> = {}): Platform {
    const transport = new InProcessTransport();
    return {
      connect: (service) => transport.connect(service),
      serve: (service, implementation) => transport.serve(service, implementation),
      events: this.events,
      store: createInProcessStore(this.clock),
      sql: async (schema, migrations) => {
        const pool = this.sql(schema);
        await migrate(pool, migrations);
        return pool;
      },
      clock: this.clock,
      ids: this.ids,
      rootKey: this.rootKey,
      logger: recordingLogger(this.logged),
      health: new Health(),
      ...parts,
    };
  }

  /** Starts a service as a process would; answers how to stop it before the house ends. */
  async run(service: DynamicModule): Promise<() => Promise<void>> {
    const context = await NestFactory.createApplicationContext(service, { logger: false, abortOnError: false });
    let stopping: Promise<void> | undefined;
    const stop = (): Promise<void> => (stopping ??= context.close());
    this.#stops.push(stop);
    return stop;
  }

  /** A connection of the test's own to the tables of a service. */
  sql(schema: string): SqlPool {
    const pool = createSql({ url: this.#database.url, schema, connections: 3 });
    this.#pools.push(pool);
    return pool;
  }

  /** Every row of every table, those of the event log included, as text; bytes as hexadecimal digits. */
  async everyRow(): Promise<string> {
    const sql = this.sql('public');
    const tables = await sql.query<{ name: string }>(
      `select quote_ident(table_schema) || '.' || quote_ident(table_name) as name from information_schema.tables
       where table_type = 'BASE TABLE' and table_schema not in ('pg_catalog', 'information_schema')`,
    );
    const rows: string[] = [];
    for (const { name } of tables) {
      rows.push(...(await sql.query<{ row: string }>(`select t::text as row from ${name} as t`)).map(({ row }) => `${name} ${row}`));
    }
    return rows.join('\n');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const stop of this.#stops) await stop();
    await this.events.stop();
    for (const pool of this.#pools) await pool.end();
    await this.#database.stop();
  }
}
