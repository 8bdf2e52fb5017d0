import { describe, expect, it } from '@jest/globals';
import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { Channel, ChatEventSchema } from '@sluice/proto/chat/v1/chat';
import { outputView, readableJson } from './output-view.ts';

const view = (events: readonly MessageInitShape<typeof ChatEventSchema>['event'][]) => outputView(events.map((event) => create(ChatEventSchema, { event: event! })));

describe('the view of recorded output', () => {
  it('puts each channel of each choice together, in the order of choices, and shows every event', () => {
    const { choices, events } = view([
      { case: 'started', value: { versionId: 'v', deploymentId: 'd' } },
      { case: 'delta', value: { choice: 1, channel: Channel.REFUSAL, text: 'No.' } },
      { case: 'delta', value: { choice: 0, channel: Channel.REASONING, text: 'Hm. ' } },
      { case: 'delta', value: { choice: 0, channel: Channel.CONTENT, text: 'A', logprobsJson: Buffer.from('{"a":1}') } },
      { case: 'delta', value: { choice: 0, channel: Channel.CONTENT, text: 'B' } },
      { case: 'delta', value: { choice: 0, channel: Channel.TOOL_ARGUMENTS, text: '{"x"', tool: { index: 0, id: 'call_1', type: 'function', name: 'look' } } },
      { case: 'delta', value: { choice: 0, channel: Channel.TOOL_ARGUMENTS, text: ':1}', tool: { index: 0 } } },
      { case: 'finished', value: { choice: 0, reason: 'tool_calls' } },
      { case: 'usage', value: { inputTokens: 3n, outputTokens: 4n } },
    ]);
    expect(choices).toEqual([
      { index: 0, finish_reason: 'tool_calls', content: 'AB', reasoning: 'Hm. ', refusal: null, function_call: null, tool_calls: [{ index: 0, id: 'call_1', type: 'function', name: 'look', arguments: '{"x":1}' }] },
      { index: 1, finish_reason: null, content: null, reasoning: null, refusal: 'No.', function_call: null, tool_calls: [] },
    ]);
    expect(events).toHaveLength(9);
    expect(events[0]).toEqual({ type: 'started', version_id: 'v', deployment_id: 'd', system_fingerprint: null, service_tier: null });
    expect(events[3]).toEqual({ type: 'delta', choice: 0, channel: 'content', text: 'A', logprobs: { a: 1 } });
    expect(events[8]).toEqual({ type: 'usage', input_tokens: 3, output_tokens: 4, cached_input_tokens: 0, reasoning_tokens: 0, estimated: false });
  });

  it('shows all that the client got of the backend: tier, fingerprint, and usage as it was reported', () => {
    const reported = { prompt_tokens: 3, completion_tokens: 4, total_tokens: 7, prompt_tokens_details: { cached_tokens: 2, audio_tokens: 0 }, cost: 0.25 };
    const { events } = view([
      { case: 'started', value: { versionId: 'v', deploymentId: 'd', systemFingerprint: 'fp', serviceTier: 'flex' } },
      { case: 'usage', value: { inputTokens: 3n, outputTokens: 4n, cachedInputTokens: 2n, reasoningTokens: 1n, json: Buffer.from(JSON.stringify(reported)) } },
    ]);
    expect(events).toEqual([
      { type: 'started', version_id: 'v', deployment_id: 'd', system_fingerprint: 'fp', service_tier: 'flex' },
      { type: 'usage', input_tokens: 3, output_tokens: 4, cached_input_tokens: 2, reasoning_tokens: 1, estimated: false, reported },
    ]);
  });

  it('shows where a prompt went although nothing came back', () => {
    expect(view([
      { case: 'attempt', value: { versionId: 'v', deploymentId: 'd', external: true } },
      { case: 'attempt', value: { versionId: 'v', deploymentId: 'd', external: true, errorCode: 'upstream_error' } },
    ])).toEqual({ choices: [], events: [
      { type: 'attempt', version_id: 'v', deployment_id: 'd', external: true, error_code: null },
      { type: 'attempt', version_id: 'v', deployment_id: 'd', external: true, error_code: 'upstream_error' },
    ] });
  });

  it('hides nothing that is not JSON', () => {
    expect([readableJson(Buffer.from('{"a":')), readableJson(Buffer.from('[1]')), readableJson(new Uint8Array())]).toEqual(['{"a":', [1], null]);
  });
});
