import { ForeignGrpcStatus, ServiceError } from '@sluice/errors';
import { AbsentModel, DeadModel, faultOfMessage } from '@sluice/kserve';
import { AbsentBackend, BackendFault, LostBackend } from '../../domain/backend-fault.ts';

/** Canonical status numbers (grpc.io, "Status codes and their use in gRPC"). */
const DEADLINE_EXCEEDED = 4;
const NOT_FOUND = 5;
const RESOURCE_EXHAUSTED = 8;
const UNIMPLEMENTED = 12;
const UNAVAILABLE = 14;

/**
 * What a failure at a server that is not of the house means for the call. Triton says much with few statuses, so its
 * messages are read; they go no further than the cause, because they may quote the request.
 */
export function faultOfServer(error: ServiceError): ServiceError {
  if (error.cause instanceof DeadModel || error.cause instanceof AbsentModel) return lost(error);
  if (!(error.cause instanceof ForeignGrpcStatus)) return error;
  const { grpcCode, message } = error.cause;
  const said = faultOfMessage(message);
  if (said.cause instanceof DeadModel || said.cause instanceof AbsentModel) return lost(said);
  if (said.code !== 'upstream_error') return said;
  const fault = new BackendFault(`The model server ended the call with gRPC status ${grpcCode}.`, undefined, error.cause);
  if (grpcCode === DEADLINE_EXCEEDED) return new ServiceError('upstream_timeout', "The model's server did not answer in time.", { cause: fault });
  if (grpcCode === UNAVAILABLE && !message.includes('restricted')) return new ServiceError('backend_unavailable', "The model's server does not answer.", { cause: fault });
  // A connection that the server gave up for too many pings looks like this; it is no limit that a pause would help.
  if (grpcCode === RESOURCE_EXHAUSTED) return new ServiceError('upstream_error', "The model's server ended the connection.", { cause: fault });
  if (grpcCode === UNIMPLEMENTED) return new ServiceError('upstream_error', "The model's server does not know what it was asked.", { cause: fault });
  return new ServiceError('upstream_error', 'The model server failed.', { cause: fault });
}

/** The server said that it does not have the model, in the words of this house or in those of a stranger. */
export function isUnknownModel({ code, cause }: ServiceError): boolean {
  return code === 'model_not_found' || (cause instanceof ForeignGrpcStatus && cause.grpcCode === NOT_FOUND);
}

function lost(error: ServiceError): ServiceError {
  const cause = error.cause instanceof AbsentModel
    ? new AbsentBackend('The model is not loaded at its server.', undefined, error.cause)
    : new LostBackend("The model's process at its server died; the server goes on saying that it is ready.", undefined, error.cause);
  return new ServiceError('backend_unavailable', error.message, { cause });
}
