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

/** Canonical status numbers (grpc.io) by which Triton says that it has no such model, and that it cannot load one. */
const NOT_FOUND = 5;
const NOT_LOADED: ReadonlySet<number> = new Set([3, 13]);

/** Servers over gRPC, each connected to for one question. */
export function grpcModelServers(clock: Clock): ModelServers {
  return {
    async signature(source: ServedSource): Promise<Signature> {
      const client = new GrpcClient({ addresses: [source.address], clock });
      try {
        return await ask(client.connect(GRPCInferenceService), source);
      } finally {
        client.close();
      }
    },
  };
}

async function ask(server: Client<typeof GRPCInferenceService>, source: ServedSource): Promise<Signature> {
  const { upstreamModel: name, managed } = source;
  if (managed) await load(server, source);
  try {
    const { inputs, outputs } = await server.modelMetadata({ name }, { timeoutMs: ASK_TIMEOUT_MS });
    return { inputs: inputs.map(tensorOf), outputs: outputs.map(tensorOf) };
  } catch (thrown) {
    throw explained(thrown, source);
  }
}

async function load(server: Client<typeof GRPCInferenceService>, source: ServedSource): Promise<void> {
  const { address, upstreamModel: modelName } = source;
  try {
    const { ready } = await server.modelReady({ name: modelName }, { timeoutMs: ASK_TIMEOUT_MS });
    if (!ready) await server.repositoryModelLoad({ modelName }, { timeoutMs: LOAD_TIMEOUT_MS });
  } catch (thrown) {
    const cause = statusOf(thrown);
    // Its reasons may quote files of the server; they stand in its own log.
    if (NOT_LOADED.has(cause?.grpcCode ?? 0)) throw new ServiceError('failed_precondition', `The server ${address} cannot load a model '${modelName}': it has none of that name, or its log says what is wrong with it.`, { param: 'kserve.upstream_model', cause });
    if (ServiceError.from(thrown).code === 'deadline_exceeded') throw new ServiceError('backend_unavailable', `The server ${address} is still loading '${modelName}'. Add it again when that is done.`, { retryAfterSeconds: 10, cause: thrown });
    throw explained(thrown, source);
  }
}

function explained(thrown: unknown, { address, upstreamModel }: ServedSource): ServiceError {
  const cause = statusOf(thrown);
  if (cause?.grpcCode === NOT_FOUND) return new ServiceError('failed_precondition', `The server ${address} has no model '${upstreamModel}' loaded.`, { param: 'kserve.upstream_model', cause });
  return new ServiceError('backend_unavailable', `The server ${address} does not answer as a KServe v2 server does.`, { param: 'kserve.address', cause: thrown });
}

function statusOf(thrown: unknown): ForeignGrpcStatus | undefined {
  const { cause } = ServiceError.from(thrown);
  return cause instanceof ForeignGrpcStatus ? cause : undefined;
}

function tensorOf({ name, datatype, shape }: ModelMetadataResponse_TensorMetadata): TensorSpec {
  return { name, datatype, shape: shape.map(Number) };
}
