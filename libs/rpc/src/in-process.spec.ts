import { create } from '@bufbuild/protobuf';
import { describe, expect, it } from '@jest/globals';
import { InferenceService, StreamChatResponseSchema } from '@sluice/proto/inference/v1/inference';
import type { Implementation } from './service.ts';
import { InProcessTransport } from './in-process.ts';
import { transportContract } from './transport.contract.ts';

for (const freezeStreams of [false, true]) {
  transportContract(freezeStreams ? 'in process, streams frozen,' : 'in process', async () => {
    const transport = new InProcessTransport({ freezeStreams });
    return { server: transport, client: transport, aheadLimit: 0, close: async () => undefined };
  });
}

describe('streams in process', () => {
  const chat = (transport: InProcessTransport, streamChat: Implementation<typeof InferenceService>['streamChat']) => {
    transport.serve(InferenceService, { streamChat } as Implementation<typeof InferenceService>);
    return transport.connect(InferenceService);
  };

  it('hand messages over by reference', async () => {
    const handed = create(StreamChatResponseSchema);
    const client = chat(new InProcessTransport(), async function* () {
      yield handed;
    });
    for await (const message of client.streamChat({})) expect(message).toBe(handed);
    expect.assertions(1);
  });

  it('fail a side that changes what it handed over, when frozen', async () => {
    const client = chat(new InProcessTransport({ freezeStreams: true }), async function* () {
      yield { events: [{ event: { case: 'delta' as const, value: { text: 'a', logprobsJson: new Uint8Array([1]) } } }] };
    });
    for await (const message of client.streamChat({})) {
      expect(() => message.events.push(message.events[0]!)).toThrow(TypeError);
      const { event } = message.events[0]!;
      expect(() => { if (event.case === 'delta') event.value.text = 'b'; }).toThrow(TypeError);
    }
    expect.assertions(2);
  });
});
