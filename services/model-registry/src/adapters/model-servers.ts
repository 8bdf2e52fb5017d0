import type { Clock } from '@sluice/clock';
import { ForeignGrpcStatus, ServiceError } from '@sluice/errors';
import { GRPCInferenceService, type ModelMetadataResponse_TensorMetadata } from '@sluice/proto/kserve';
import type { Client } from '@sluice/rpc';
import { GrpcClient } from '@sluice/rpc/grpc';
import type { ModelServers } from '../domain/ports.ts';
import type { ServedSource } from '../domain/served-source.ts';
import type { Signature, TensorSpec } from '../domain/signature.ts';

/** Facts that a server holds in memory. */
const ASK_TIMEOUT_MS = 3_000;
/** What an admin request waits at most is 15 s. A server goes on with a load that nobody waits for. */
const LOAD_TIMEOUT_MS = 10_000;

/** How often a load that goes on is looked at. */
const LOOK_MS = 250;

/** Canonical status numbers (grpc.io) by which Triton says that it has no such model, and that it cannot load one. */
const NOT_FOUND = 5;
const NOT_LOADED: ReadonlySet<number> = new Set([3, 13]);

const UPSTREAM_MODEL = 'kserve.upstream_model';

type Server = Client<typeof GRPCInferenceService>;

/** Servers over gRPC, each connected to for one question. */
export function grpcModelServers(clock: Clock): ModelServers {
  return {
    async signature(source: ServedSource): Promise<Signature> {
      const client = new GrpcClient({ addresses: [source.address], clock });
      try {
        return await ask(client.connect(GRPCInferenceService), source, clock);
      } finally {
        client.close();
      }
    },
  };
}

async function ask(server: Server, source: ServedSource, clock: Clock): Promise<Signature> {
  const { upstreamModel: name, managed } = source;
  if (managed) await load(server, source, clock);
  try {
    const { inputs, outputs } = await server.modelMetadata({ name }, { timeoutMs: ASK_TIMEOUT_MS });
    return { inputs: inputs.map(tensorOf), outputs: outputs.map(tensorOf) };
  } catch (thrown) {
    throw explained(thrown, source);
  }
}

/** Asks for a load, unless one goes on: Triton would begin another one behind it. */
async function load(server: Server, source: ServedSource, clock: Clock): Promise<void> {
  const { upstreamModel: name } = source;
  try {
    if (await isReady(server, name)) return;
    if (!(await isLoading(server, name))) return await begin(server, source);
    await loadingEnded(server, name, clock);
    if (!(await isReady(server, name))) throw (await isLoading(server, name)) ? stillLoading(source) : cannotLoad(source);
  } catch (thrown) {
    throw isAboutLoad(thrown) ? thrown : explained(thrown, source);
  }
}

async function begin(server: Server, source: ServedSource): Promise<void> {
  try {
    await server.repositoryModelLoad({ modelName: source.upstreamModel }, { timeoutMs: LOAD_TIMEOUT_MS });
  } catch (thrown) {
    const cause = statusOf(thrown);
    if (NOT_LOADED.has(cause?.grpcCode ?? 0)) throw cannotLoad(source, cause);
    if (ServiceError.from(thrown).code === 'deadline_exceeded') throw stillLoading(source, thrown);
    throw thrown;
  }
}

/** Resolves when it has ended, or has not for as long as may be waited. */
async function loadingEnded(server: Server, name: string, clock: Clock): Promise<void> {
  for (const untilMs = clock.monotonicMs() + LOAD_TIMEOUT_MS; clock.monotonicMs() < untilMs && (await isLoading(server, name));) {
    await new Promise<void>((resolve) => void clock.after(LOOK_MS, resolve));
  }
}

async function isReady(server: Server, name: string): Promise<boolean> {
  return (await server.modelReady({ name }, { timeoutMs: ASK_TIMEOUT_MS })).ready;
}

/** False as well of a server that does not say. */
async function isLoading(server: Server, name: string): Promise<boolean> {
  try {
    const { models } = await server.repositoryIndex({}, { timeoutMs: ASK_TIMEOUT_MS });
    return models.some((one) => one.name === name && one.state === 'LOADING');
  } catch (thrown) {
    if (statusOf(thrown) || ServiceError.from(thrown).code === 'method_not_supported') return false;
    throw thrown;
  }
}

/** Its reasons may quote files of the server; they stand in its own log. */
function cannotLoad({ address, upstreamModel }: ServedSource, cause?: unknown): ServiceError {
  return new ServiceError('failed_precondition', `The server ${address} cannot load a model '${upstreamModel}': it has none of that name, or its log says what is wrong with it.`, { param: UPSTREAM_MODEL, cause });
}

/** Who adds it can tell by the `param` that another ask is not in vain. */
function stillLoading({ address, upstreamModel }: ServedSource, cause?: unknown): ServiceError {
  return new ServiceError('backend_unavailable', `The server ${address} is still loading '${upstreamModel}'. Add it again when that is done.`, { param: UPSTREAM_MODEL, retryAfterSeconds: 1, cause });
}

function isAboutLoad(thrown: unknown): boolean {
  return thrown instanceof ServiceError && thrown.param === UPSTREAM_MODEL;
}

function explained(thrown: unknown, { address, upstreamModel }: ServedSource): ServiceError {
  const cause = statusOf(thrown);
  if (cause?.grpcCode === NOT_FOUND) return new ServiceError('failed_precondition', `The server ${address} has no model '${upstreamModel}' loaded.`, { param: UPSTREAM_MODEL, cause });
  return new ServiceError('backend_unavailable', `The server ${address} does not answer as a KServe v2 server does.`, { param: 'kserve.address', cause: thrown });
}

function statusOf(thrown: unknown): ForeignGrpcStatus | undefined {
  const { cause } = ServiceError.from(thrown);
  return cause instanceof ForeignGrpcStatus ? cause : undefined;
}

function tensorOf({ name, datatype, shape }: ModelMetadataResponse_TensorMetadata): TensorSpec {
  return { name, datatype, shape: shape.map(Number) };
}
