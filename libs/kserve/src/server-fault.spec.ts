import { describe, expect, it } from '@jest/globals';
import { DeadModel, faultOfMessage } from './index.ts';

describe('what Triton says', () => {
  it.each([
    ['[request id: q16] Exceeds maximum queue size', 'overloaded'],
    ['Request timeout expired', 'overloaded'],
    ["Request for unknown model: 'addsub' version 7 is not found", 'backend_unavailable'],
    ["Request for unknown model: 'addsub' has no available versions", 'backend_unavailable'],
    ["Request for unknown model: 'addsub' version 2 is not at ready state", 'backend_unavailable'],
    ['GRPC server is shutting down and has stopped accepting new requests.', 'backend_unavailable'],
    ['This protocol is restricted, expecting header triton-grpc-protocol-key', 'upstream_error'],
    ["Failed to process the request(s) for model 'm', message: Stub process 'm_0_0' is not healthy.", 'backend_unavailable'],
    ['Error generating stream: the prompt was secret', 'upstream_error'],
    ['', 'upstream_error'],
  ])('%j means %s, and stays inside', (message, code) => {
    const fault = faultOfMessage(message);
    expect(fault.code).toBe(code);
    expect(fault.cause).toMatchObject({ message });
    if (message !== '') expect(fault.message).not.toContain(message);
  });

  it('of a dead model is told apart from all others', () => {
    expect(faultOfMessage("Stub process 'm_0_0' is not healthy.").cause).toBeInstanceOf(DeadModel);
    expect(faultOfMessage('Exceeds maximum queue size').cause).not.toBeInstanceOf(DeadModel);
  });

  it('of a request that is at fault names code and parameter, in the form that a model vouches for', () => {
    expect(faultOfMessage("invalid_value top_p: 'top_p' must be between 0 and 1.")).toMatchObject({ code: 'invalid_value', param: 'top_p', message: "'top_p' must be between 0 and 1." });
    expect(faultOfMessage('context_length_exceeded text_input: Too long.')).toMatchObject({ code: 'context_length_exceeded', param: 'text_input' });
    for (const other of ['internal top_p: x', 'nonsense top_p: x', 'invalid_value: x', 'invalid_value a b: x', 'Invalid_value a: x', `invalid_value a: ${'x'.repeat(600)}`]) {
      expect(faultOfMessage(other)).toMatchObject({ code: 'upstream_error', message: 'The model server failed.' });
    }
  });
});
