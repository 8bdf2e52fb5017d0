import type { DescService } from '@bufbuild/protobuf';
import { systemClock, systemIds, type Clock, type Ids, type Timer } from '@sluice/clock';
import { ServiceError } from '@sluice/errors';
import type { RootKey } from '@sluice/envelope';
import type { KafkaEventLog, KafkaServers } from '@sluice/events/kafka';
import { Health } from '@sluice/lifecycle';
import { InProcessTransport } from '@sluice/rpc';
import { CertificateFiles, GrpcServer, type CertificatePaths } from '@sluice/rpc/grpc';
import { createSql, migrate, type SqlPool } from '@sluice/sql';
import { createInProcessStore } from '@sluice/store';
import type { RedisStore } from '@sluice/store/redis';
import type { Logger } from '@sluice/telemetry';
import { callersOf, serviceOf, type ServiceName } from './house-services.ts';
import { Neighbours } from './neighbours.ts';
import type { Platform } from './platform.ts';
import { checkRootKey } from './root-key-check.ts';

/** Calls of other processes that are under way when this one is told to stop may go on for so long. */
const RPC_DRAIN_LIMIT_MS = 10_000;
/** Behind that, statements under way: what they did not do is done again at the next start. */
const STATEMENTS_LIMIT_MS = 8_000;

export interface MeshPlatformOptions {
  /** The services of this process. */
  readonly hosted: readonly ServiceName[];
  /** Where the others are: `host:port` of each instance of a service, or one name that stands for all of them. */
  readonly addresses: Readonly<Partial<Record<ServiceName, readonly string[]>>>;
  /** `host:port` at which other processes call these services; undefined where nobody does. */
  readonly rpcListen: string | undefined;
  /** Without it calls between processes are plain text, and whoever reaches `rpcListen` may call. */
  readonly tls: CertificatePaths | undefined;
  /** Names the process where servers list who is connected to them. */
  readonly name: string;
  /** Undefined for a process without tables. */
  readonly databaseUrl: string | undefined;
  /** Undefined for a process that neither writes nor reads the event log. */
  readonly kafka: KafkaServers | undefined;
  /** Undefined for a process that counts nothing together with others. */
  readonly redisUrl: string | undefined;
  /** Undefined for a process that wraps no secrets. */
  readonly rootKey: RootKey | undefined;
  /** How long calls of clients may go on once it is told to end; 0 when not given, as where nobody answers clients. */
  readonly clientCallsMs?: number;
  readonly logger: Logger;
}

/** The platform of one process of a mesh, and its end. */
export interface MeshPlatform {
  readonly platform: Platform;
  /** Takes calls of other processes, at `rpcListen`: once the services have started. */
  listen(): Promise<void>;
  /** Takes no more of them; those under way may end. Before the services are stopped. */
  drain(): Promise<void>;
  /** Once the services are stopped: closes every connection. */
  stop(): Promise<void>;
}

/**
 * One process of many: calls to a service of its own stay in the process, others go over gRPC to the addresses given.
 * Events and tables are on the servers that the mesh has in common. Throws an OtherRootKeyError, and has joined nothing
 * then, where the database was begun with another root key.
 */
export async function createMeshPlatform(options: MeshPlatformOptions): Promise<MeshPlatform> {
  const { hosted, addresses, tls, logger } = options;
  const clock = systemClock;
  const ids = systemIds(clock);
  const health = new Health();
  const impatience = new AbortController();
  const { signal } = impatience;
  const inProcess = new InProcessTransport({ clock });
  await using started = new AsyncDisposableStack();
  const certificates = tls && (await openCertificates(tls, clock, logger));
  started.defer(() => certificates?.stop());
  const neighbours = new Neighbours({ addresses, certificates, clock });
  started.defer(() => neighbours.close());
  const pools: SqlPool[] = [];
  started.defer(async () => void (await Promise.all(pools.map(async (pool) => pool.end()))));
  if (options.databaseUrl !== undefined) await askDatabase(options.databaseUrl, options.rootKey, ids);
  const events = await openEvents(options, clock, ids, signal);
  if (events) {
    started.defer(async () => events.stop());
    health.register('events', () => events.health());
  }
  const shared = options.redisUrl === undefined ? undefined : await openStore(options.redisUrl, clock, ids, logger);
  if (shared) {
    started.defer(async () => shared.stop());
    health.register('store', () => shared.health());
  }
  const server = options.rpcListen === undefined ? undefined : serverOf(health, clock, certificates);
  const isHosted = (service: DescService): boolean => hosted.includes(serviceOf(service.typeName)!);
  const platform: Platform = {
    // What has no address is not running: the in-process transport says so.
    connect: (service) => (isHosted(service) ? undefined : neighbours.connect(service)) ?? inProcess.connect(service),
    serve(service, implementation) {
      inProcess.serve(service, implementation);
      server?.serve(service, implementation);
    },
    async sql(schema, migrations) {
      const pool = createSql({ url: given(options.databaseUrl, 'database'), schema, signal });
      pools.push(pool);
      await migrate(pool, migrations, logger);
      return pool;
    },
    clock, ids, logger, health,
    store: shared ?? createInProcessStore(clock),
    get events() {
      return given(events, 'event log');
    },
    get rootKey() {
      return given(options.rootKey, 'root key');
    },
  };
  const stack = started.move();
  let hurry: Timer | undefined;
  const beginEnd = (): void => { hurry ??= clock.after((options.clientCallsMs ?? 0) + STATEMENTS_LIMIT_MS, () => impatience.abort()); };
  return {
    platform,
    async listen() {
      if (server && options.rpcListen !== undefined) await server.listen(options.rpcListen);
    },
    async drain() {
      await server?.stop(RPC_DRAIN_LIMIT_MS);
      beginEnd();
    },
    async stop() {
      beginEnd();
      await stack.disposeAsync();
      hurry?.cancel();
    },
  };
}

/** What a service asks for although the table of services says that it does not: a fault of that table. */
function given<T>(part: T | undefined, name: string): T {
  if (part === undefined) throw new ServiceError('internal', `This process was given no ${name}, because none of its services needs one.`);
  return part;
}

async function openCertificates(paths: CertificatePaths, clock: Clock, logger: Logger): Promise<CertificateFiles> {
  try {
    return await CertificateFiles.open(paths, clock, logger);
  } catch (cause) {
    throw new ServiceError('failed_precondition', `The certificates of this process cannot be used: ${cause instanceof Error ? cause.message : String(cause)} (${Object.values(paths).join(', ')})`, { cause });
  }
}

/** Asked by itself first, because the event log would say that it is the one that is away, and nobody with another root key may join it. */
async function askDatabase(url: string, rootKey: RootKey | undefined, ids: Ids): Promise<void> {
  if (rootKey) return checkRootKey(url, rootKey, ids);
  const pool = createSql({ url, schema: 'public', connections: 1 });
  try {
    await pool.query('SELECT 1');
  } finally {
    await pool.end();
  }
}

/** A process without tables has no transactions to publish in: segments, epochs and copies need none. */
async function openEvents({ kafka, name, databaseUrl: url, logger }: MeshPlatformOptions, clock: Clock, ids: Ids, signal: AbortSignal): Promise<KafkaEventLog | undefined> {
  if (kafka === undefined) return undefined;
  const { createKafkaEventLog } = await import('@sluice/events/kafka');
  return createKafkaEventLog({ ...kafka, clientId: `sluice-${name}`, ...(url !== undefined && { database: { url, signal } }), clock, ids, logger });
}

/** Loaded only where it is used: most processes of a mesh count nothing together. */
async function openStore(url: string, clock: Clock, ids: Ids, logger: Logger): Promise<RedisStore> {
  const { createRedisStore } = await import('@sluice/store/redis');
  return createRedisStore({ url, clock, ids, logger });
}

function serverOf(health: Health, clock: Clock, certificates: CertificateFiles | undefined): GrpcServer {
  const isServing = (): boolean => health.report().status !== 'down';
  if (!certificates) return new GrpcServer({ clock, isServing, exchanges: true });
  const callers = (rpc: string): readonly ServiceName[] | undefined => {
    const service = serviceOf(rpc);
    return service && callersOf(service);
  };
  return new GrpcServer({ clock, isServing, certificates, callers, exchanges: true });
}
