import { once } from 'node:events';
import { loadRootKey } from '@sluice/envelope';
import { ServiceError } from '@sluice/errors';
import { addressesIn, kafkaServersIn, HealthServer, openWayText, openWayToDatabase, openWayToRedis, startHost, type Host } from '@sluice/host';
import { onShutdownSignals } from '@sluice/lifecycle';
import { createMeshPlatform, type MeshPlatform } from '@sluice/platform/mesh';
import { needing, type Need, type ServiceName } from '@sluice/platform/services';
import { createLogger } from '@sluice/telemetry';
import { credentialsIn } from '../data-folder/credentials.ts';
import { dataFolder, type DataFolder } from '../data-folder/data-folder.ts';
import { CommandFailed } from '../exit-code.ts';
import { addressesOf, compose } from '../services/compose.ts';
import { readSettings } from '../settings.ts';
import { untilAborted } from '../terminal/until-aborted.ts';
import { openTelemetry } from '../up/open-telemetry.ts';
import { startFailure } from '../up/start-failure.ts';
import { hostAndPort } from './host-and-port.ts';
import { readServeSettings, type ServeSettings } from './serve-settings.ts';
import { leaveSupervisor, onOrphaned, tellReady, type ReadyMessage } from './supervisor-channel.ts';

/** Longest delay that a timer takes, in milliseconds. */
const FOR_EVER_MS = 2 ** 31 - 1;

export interface ServeOptions {
  /** Holds the weights of the local engine. */
  readonly data?: string;
}

/** `sluice serve`: some services in this process, as a part of a mesh, until a signal or until its supervisor is gone. */
export async function serve(hosted: readonly ServiceName[], options: ServeOptions): Promise<void> {
  const settings = await readServeSettings(hosted);
  const folder = dataFolder(options.data ?? readSettings().dataDir);
  const logger = createLogger({ level: settings.own.SLUICE_LOG_LEVEL, destination: process.stdout });
  const stop = new AbortController();
  await using stack = new AsyncDisposableStack();
  // The house's timers keep no process alive: a start that only waits would end in silence.
  const alive = setInterval(() => undefined, FOR_EVER_MS);
  stack.defer(() => clearInterval(alive));
  stack.defer(leaveSupervisor);
  stack.defer(onShutdownSignals({
    drain: (signal) => {
      logger.info({ signal }, 'Told to stop: calls under way are given time to end.');
      stop.abort();
    },
    hardStop: () => process.exit(1),
  }));
  stack.defer(onOrphaned(() => {
    logger.warn({}, 'The supervisor is gone: this process ends, too.');
    stop.abort();
  }));
  try {
    const { rootKeyFile, ...place } = placeOf(hosted, settings);
    for (const open of [openWayToDatabase(place.databaseUrl), openWayToRedis(place.redisUrl)]) if (open) logger.warn({ setting: open.setting }, openWayText(open));
    const rootKey = rootKeyFile === undefined ? undefined : await loadRootKey(rootKeyFile, { create: false });
    const mesh = await createMeshPlatform({ hosted, name: hosted.includes('gateway') ? settings.services.SLUICE_PRODUCER : hosted.join('-'), ...place, rootKey, logger, clientCallsMs: hosted.includes('gateway') ? settings.services.SLUICE_DRAIN_LIMIT_MS : 0 });
    stack.defer(async () => mesh.stop());
    await run({ hosted, settings, mesh, modelsFolder: folder.models, knownWeightsFile: folder.knownWeights, stack, signal: stop.signal });
  } catch (failure) {
    if (stop.signal.aborted && failure === stop.signal.reason) logger.info({}, 'It had not started yet.');
    else throw explained(failure, settings, folder);
  }
  await stack.disposeAsync();
  logger.info({}, 'Stopped.');
  // What a driver still tries, or a connection that a server which stands still does not end, would hold this process for seconds more.
  process.exit();
}

/** Why a process did not start, for whoever gave it its settings. */
function explained(failure: unknown, { own }: ServeSettings, folder: DataFolder): unknown {
  if (failure instanceof Error && failure.name === 'ListenError') return new CommandFailed(failure.message);
  if (isAwayLog(failure)) return new CommandFailed(`Kafka does not answer at ${own.KAFKA_BROKERS?.join(', ')} (KAFKA_BROKERS)${failure.cause instanceof Error ? `: ${failure.cause.message}` : ''}.`, { cause: failure });
  return startFailure(failure, { folder, databaseUrl: own.DATABASE_URL, rootKeyFile: own.SLUICE_ROOT_KEY_FILE });
}

function isAwayLog(failure: unknown): failure is ServiceError {
  return failure instanceof ServiceError && failure.code === 'audit_log_unavailable';
}

interface Running {
  readonly hosted: readonly ServiceName[];
  readonly settings: ServeSettings;
  readonly mesh: MeshPlatform;
  readonly modelsFolder: string;
  readonly knownWeightsFile: string;
  /** Takes what is to be undone at the end. */
  readonly stack: AsyncDisposableStack;
  readonly signal: AbortSignal;
}

/** Starts the services and stays until the signal; what was started is on the stack. */
async function run({ hosted, settings, mesh, stack, signal, ...folders }: Running): Promise<void> {
  const { own, services } = settings;
  const telemetry = await openTelemetry(own);
  stack.defer(async () => telemetry.shutdown());
  const metrics = async (): Promise<string> => telemetry.prometheusText();
  const door = new HealthServer({ health: mesh.platform.health, metrics });
  if (own.SLUICE_HEALTH_LISTEN !== undefined) {
    await listening('SLUICE_HEALTH_LISTEN', own.SLUICE_HEALTH_LISTEN, async ({ host, port }) => door.listen(host, port));
    stack.defer(async () => door.stop());
  }
  const credentials = own.SLUICE_FIRST_KEYS_FILE === undefined ? undefined : credentialsIn(own.SLUICE_FIRST_KEYS_FILE);
  const stages = await compose(hosted, { platform: mesh.platform, settings: services, credentials, metrics, ...folders });
  // Whoever waits for the owner of what it copies does so for as long as that is away.
  const host = await untilAborted(startHost({ logger: mesh.platform.logger, stages }), signal);
  stack.defer(async () => host.stop());
  stack.defer(async () => mesh.drain());
  if (own.SLUICE_RPC_LISTEN !== undefined) await listening('SLUICE_RPC_LISTEN', own.SLUICE_RPC_LISTEN, async () => mesh.listen());
  stack.defer(() => door.draining());
  door.running();
  const addresses = hosted.includes('gateway') ? await gatewayAddresses(host) : {};
  mesh.platform.logger.info({ services: hosted.join(' '), rpc: own.SLUICE_RPC_LISTEN, ...addresses }, 'Serving.');
  tellReady({ ready: addresses });
  if (!signal.aborted) await once(signal, 'abort');
}

async function gatewayAddresses(host: Host): Promise<ReadyMessage['ready']> {
  const { url, adminUrl, directUrl, grpcAddress } = await addressesOf(host);
  return { url, adminUrl, ...(directUrl !== undefined && { directUrl }), ...(grpcAddress !== undefined && { grpcAddress }) };
}

/** What none of its services needs a process does not have, whatever the settings say: with a database it would publish what others own. */
function placeOf(hosted: readonly ServiceName[], { own }: ServeSettings) {
  const ifNeeded = <T>(what: Need, given: T): T | undefined => (needing(what, hosted).length > 0 ? given : undefined);
  const { SLUICE_TLS_CA_FILE: caFile, SLUICE_TLS_CERTIFICATE_FILE: certificateFile, SLUICE_TLS_KEY_FILE: keyFile } = own;
  const tls = caFile !== undefined && certificateFile !== undefined && keyFile !== undefined ? { caFile, certificateFile, keyFile } : undefined;
  return {
    addresses: addressesIn(own), rpcListen: own.SLUICE_RPC_LISTEN, tls, rootKeyFile: ifNeeded('wrapsSecrets', own.SLUICE_ROOT_KEY_FILE),
    databaseUrl: ifNeeded('ownsTables', own.DATABASE_URL), kafka: ifNeeded('usesEvents', kafkaServersIn(own)), redisUrl: ifNeeded('shares', own.REDIS_URL),
  };
}

/** Names the setting where an address cannot be listened at. */
async function listening(setting: string, address: string, listen: (at: { host: string; port: number }) => Promise<unknown>): Promise<void> {
  try {
    await listen(hostAndPort(address));
  } catch (error) {
    throw new CommandFailed(`${address} cannot be listened at (${error instanceof Error ? error.message : String(error)}). Give another address with ${setting}.`);
  }
}
