import { systemClock, systemIds } from '@sluice/clock';
import type { RootKey } from '@sluice/envelope';
import { createPostgresEventLog } from '@sluice/events';
import { Health } from '@sluice/lifecycle';
import { InProcessTransport } from '@sluice/rpc';
import { createSql, EmbeddedPostgres, migrate, type SqlPool } from '@sluice/sql';
import { createInProcessStore } from '@sluice/store';
import type { Logger } from '@sluice/telemetry';
import { DiskRoom } from './disk-room.ts';
import type { Platform } from './platform.ts';
import { checkRootKey } from './root-key-check.ts';

export interface EmbeddedPlatformOptions {
  /** Holds the embedded database. */
  readonly dataDir: string;
  /** A PostgreSQL server of one's own; else the embedded one is started in `dataDir`. */
  readonly databaseUrl: string | undefined;
  readonly rootKey: RootKey;
  readonly logger: Logger;
  /** What is being done, for a person who waits. */
  readonly onProgress?: (text: string) => void;
}

/** The platform of one process, and its end. */
export interface EmbeddedPlatform {
  readonly platform: Platform;
  /** Copies the running database to `DIR/postgres`; undefined for a server of one's own, which has its own tools. */
  readonly copyDatabase: ((dir: string, signal: AbortSignal) => Promise<void>) | undefined;
  /** Once the services are stopped: closes the connections, then ends the database that was started here. */
  stop(): Promise<void>;
  /** Ends the database at once, without a checkpoint; its next start recovers. For a person who does not want to wait. */
  kill(): void;
}

/** Everything in one process: calls in process, events and tables in one PostgreSQL. Throws an OtherRootKeyError where that was begun with another root key. */
export async function createEmbeddedPlatform(options: EmbeddedPlatformOptions): Promise<EmbeddedPlatform> {
  const { logger, rootKey } = options;
  const postgres = options.databaseUrl === undefined ? await startPostgres(options) : undefined;
  const url = options.databaseUrl ?? postgres!.url;
  const pools: SqlPool[] = [];
  const clock = systemClock;
  const ids = systemIds(clock);
  const transport = new InProcessTransport({ clock });
  const health = new Health();
  // A given server has its own disk and its own watch over it.
  const room = postgres && new DiskRoom(options.dataDir, clock, logger);
  if (room) health.register('disk', () => room.health());
  try {
    await room?.look();
    await checkRootKey(url, rootKey, ids);
    const events = await createPostgresEventLog({ url, clock, logger, hasRoom: () => room?.enough ?? true });
    health.register('events', () => events.health());
    const platform: Platform = {
      connect: (service) => transport.connect(service),
      serve: (service, implementation) => transport.serve(service, implementation),
      async sql(schema, migrations) {
        const pool = createSql({ url, schema });
        pools.push(pool);
        await migrate(pool, migrations, logger);
        return pool;
      },
      events,
      store: createInProcessStore(clock),
      clock,
      ids,
      rootKey,
      logger,
      health,
    };
    return {
      platform,
      copyDatabase: postgres && (async (dir, signal) => postgres.backup(dir, signal)),
      async stop() {
        room?.stop();
        await events.stop();
        await Promise.all(pools.map(async (pool) => pool.end()));
        await postgres?.stop();
      },
      kill: () => killNow(postgres),
    };
  } catch (failure) {
    room?.stop();
    await postgres?.stop();
    throw failure;
  }
}

async function startPostgres({ dataDir, logger, onProgress }: EmbeddedPlatformOptions): Promise<EmbeddedPostgres> {
  return EmbeddedPostgres.start(dataDir, {
    ...(onProgress && { onProgress }),
    onUnexpectedExit: ({ code, signal }) => logger.error({ code, signal }, 'The embedded database ended unexpectedly; it is being started again.'),
    onRestartFailed: (error) => logger.error({ error }, 'The embedded database could not be started again; the next try follows.'),
  });
}

function killNow(postgres: EmbeddedPostgres | undefined): void {
  if (postgres?.pid === undefined) return;
  try {
    process.kill(postgres.pid, 'SIGQUIT');
  } catch (error) {
    // ESRCH: it has ended by itself, which is what was wanted.
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
  }
}
