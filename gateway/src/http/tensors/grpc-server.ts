import type { Health } from '@sluice/lifecycle';
import { GRPCInferenceService } from '@sluice/proto/kserve';
import { GrpcServer } from '@sluice/rpc/grpc';
import { CLIENT_STALL_LIMIT_MS, GRPC_CONNECTION_IDLE_MS, GRPC_CONNECTIONS_LIMIT, GRPC_STREAMS_LIMIT, TENSOR_ANSWER_LIMIT_BYTES, TENSOR_QUESTION_LIMIT_BYTES } from '../limits.ts';
import { tensorService } from './grpc-service.ts';
import type { TensorDoor } from './tensor-visit.ts';

/** KServe v2 on a gRPC listener of its own, with gRPC's health service beside it. Strangers reach it: what comes without a key costs next to nothing. */
export function tensorServer(door: TensorDoor & { readonly health: Health }): GrpcServer {
  const server = new GrpcServer({
    clock: door.clock,
    messageLimitBytes: TENSOR_ANSWER_LIMIT_BYTES,
    receiveLimitBytes: TENSOR_QUESTION_LIMIT_BYTES,
    connectionsLimit: GRPC_CONNECTIONS_LIMIT,
    streamsLimit: GRPC_STREAMS_LIMIT,
    connectionIdleMs: GRPC_CONNECTION_IDLE_MS,
    isServing: () => door.health.report().status !== 'down' && !door.open.draining,
  });
  server.serveUnread(GRPCInferenceService, tensorService(door), CLIENT_STALL_LIMIT_MS);
  return server;
}
