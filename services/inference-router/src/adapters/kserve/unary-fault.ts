import { ForeignGrpcStatus, ServiceError } from '@sluice/errors';
import { AbsentModel, DeadModel, faultOfMessage } from '@sluice/kserve';
import { AbsentBackend, BackendFault } from '../../domain/backend-fault.ts';
import { ModelRaised } from '../../domain/model-raised.ts';

/** The names that a server knows, and those that the client knows. */
export interface Renaming {
  readonly upstreamModel: string;
  readonly model: string;
}

/** Enough to tell a client what is wrong with its tensors. */
const MESSAGE_LIMIT_CHARACTERS = 1_024;
const BUSY = /Exceeds maximum queue size|Request timeout expired/;
const NO_WORDS = "The model's server refused the tensors without saying why. Compare their names, datatypes and shapes with the metadata of the model.";
const AWAY_FROM_SERVER = 'The model is not ready at its server.';

/**
 * What a KServe v2 server says of one request, in the house's words. Servers tell many reasons apart by their messages only
 * (Triton 2.51 to 2.70): of UNAVAILABLE a full queue is no fault, and a header that is missing is never cured by a retry.
 * What is wrong with the tensors is told in the server's own words, with the client's name of the model.
 */
export function unaryFault(thrown: unknown, renaming: Renaming): ServiceError {
  const error = ServiceError.from(thrown);
  if (!(error.cause instanceof ForeignGrpcStatus)) return error;
  const { grpcCode, message } = error.cause;
  const fault = (what: string): { readonly cause: BackendFault } => ({ cause: new BackendFault(what, undefined, error.cause) });
  switch (grpcCode) {
    case 3:
      return refusal(message, renaming, error.cause);
    case 4:
      return new ServiceError('upstream_timeout', "The model's server did not answer in time.", fault('Its deadline passed.'));
    case 5:
      return new ServiceError('backend_unavailable', AWAY_FROM_SERVER, { cause: new AbsentBackend('It does not have the model.', undefined, error.cause), retryAfterSeconds: 1 });
    case 8:
      // GOAWAY for too many pings looks like this too; what is too long says so.
      if (!/larger than max/.test(message)) break;
      return new ServiceError('upstream_error', "The model's answer is larger than an answer may be.", { cause: new ModelRaised('Its answer was larger than an answer may be.') });
    case 12:
      return new ServiceError('invalid_value', 'The model answers one request with several answers, which is not served here.', { param: 'model' });
    case 2:
    case 13:
      if (faultOfMessage(message).cause instanceof DeadModel) return new ServiceError('upstream_error', "The model's process at its server died.", { cause: new DeadModel(message) });
      if (!/Failed to process the request/.test(message)) break;
      return new ServiceError('upstream_error', 'The model failed on this request.', { cause: new ModelRaised('The model raised an error.') });
    case 14:
      if (BUSY.test(message)) return new ServiceError('overloaded', 'The model server is overloaded.', { ...fault('Its queue is full.'), retryAfterSeconds: 1 });
      if (/protocol is restricted/.test(message)) break;
      if (faultOfMessage(message).cause instanceof AbsentModel) return new ServiceError('backend_unavailable', AWAY_FROM_SERVER, { cause: new AbsentBackend('It is not ready.', undefined, error.cause), retryAfterSeconds: 1 });
      return new ServiceError('backend_unavailable', AWAY_FROM_SERVER, { ...fault('It is away.'), retryAfterSeconds: 1 });
  }
  return new ServiceError('upstream_error', 'The model server failed.', fault(`It failed with gRPC status ${grpcCode}.`));
}

/** Triton puts the id of the request before its words, which is ours. Of a wrong number of dimensions it says nothing at all (2.51). */
function refusal(message: string, { upstreamModel, model }: Renaming, cause: Error): ServiceError {
  const own = message.replace(/^\[request id: [^\]]*\] /, '').replaceAll(`'${upstreamModel}'`, `'${model}'`);
  const upstream = { status: 400, type: 'invalid_request_error', code: null, param: null };
  const told = own.trim() === '' ? NO_WORDS : own.slice(0, MESSAGE_LIMIT_CHARACTERS).toWellFormed();
  return new ServiceError('upstream_refused', told, { upstream, cause });
}
