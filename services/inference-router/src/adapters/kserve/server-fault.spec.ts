import { describe, expect, it } from '@jest/globals';
import { ServiceError, fromGrpcStatus } from '@sluice/errors';
import { faultOfMessage } from '@sluice/kserve';
import { AbsentBackend, BackendFault, LostBackend, reasonOf } from '../../domain/backend-fault.ts';
import { mayDoBetterElsewhere } from '../../domain/verdict.ts';
import { faultOfServer } from './server-fault.ts';

const statusOf = (code: number, message: string) => faultOfServer(fromGrpcStatus({ code, message, detail: undefined }, 'inference.GRPCInferenceService'));

describe('a failure of a server over gRPC', () => {
  it.each([
    [14, '[request id: q] Exceeds maximum queue size', 'overloaded'],
    [14, 'Request timeout expired', 'overloaded'],
    [5, "Request for unknown model: 'm' has no available versions", 'backend_unavailable'],
    [14, "Request for unknown model: 'm' version 2 is not at ready state", 'backend_unavailable'],
    [14, 'read ECONNRESET', 'backend_unavailable'],
    [14, 'This protocol is restricted, expecting header x', 'upstream_error'],
    [4, 'Deadline Exceeded', 'upstream_timeout'],
    [8, 'Bandwidth exhausted or memory limit exceeded', 'upstream_error'],
    [12, "ModelInfer RPC doesn't support models with decoupled transaction policy", 'upstream_error'],
    [3, "unexpected inference input 'stream' for model 'm'", 'upstream_error'],
    [13, "Stub process 'm_0_0' is not healthy.", 'backend_unavailable'],
  ])('with status %d and %j is %s, which another deployment may do better', (code, message, expected) => {
    const fault = statusOf(code, message);
    expect(fault.code).toBe(expected);
    expect(mayDoBetterElsewhere(fault)).toBe(true);
    expect(`${fault.message} ${reasonOf(fault)}`).not.toContain(message);
  });

  it('by a dead model takes the deployment out', () => {
    expect(statusOf(13, "Stub process 'm_0_0' is not healthy.").cause).toBeInstanceOf(LostBackend);
    expect(statusOf(13, 'something else').cause).toBeInstanceOf(BackendFault);
    expect(statusOf(13, 'something else').cause).not.toBeInstanceOf(LostBackend);
  });

  it('by a model that is not loaded takes the deployment out until a check has loaded it', () => {
    expect(statusOf(5, "Request for unknown model: 'm' is not found").cause).toBeInstanceOf(AbsentBackend);
    expect(faultOfServer(faultOfMessage("Request for unknown model: 'm' has no available versions")).cause).toBeInstanceOf(AbsentBackend);
    expect(statusOf(14, 'read ECONNRESET').cause).not.toBeInstanceOf(LostBackend);
  });

  it('that is told in the errors of the house stays as it is', () => {
    const error = new ServiceError('context_length_exceeded', 'Too long.');
    expect(faultOfServer(error)).toBe(error);
  });
});
