import type { Health } from '@sluice/lifecycle';
import { GRPCInferenceService } from '@sluice/proto/kserve';
import { GrpcServer } from '@sluice/rpc/grpc';
import { TENSOR_ANSWER_LIMIT_BYTES } from '../limits.ts';
import { tensorService } from './grpc-service.ts';
import type { TensorDoor } from './tensor-visit.ts';

/** KServe v2 on a gRPC listener of its own, with gRPC's health service beside it. */
export function tensorServer(door: TensorDoor & { readonly health: Health }): GrpcServer {
  const server = new GrpcServer({ clock: door.clock, messageLimitBytes: TENSOR_ANSWER_LIMIT_BYTES, isServing: () => door.health.report().status !== 'down' && !door.open.draining });
  server.serve(GRPCInferenceService, tensorService(door));
  return server;
}
