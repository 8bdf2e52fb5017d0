import { create } from '@bufbuild/protobuf';
import { describe, expect, it } from '@jest/globals';
import { ManualClock } from '@sluice/clock';
import { InferenceService, StreamChatResponseSchema, type StreamChatResponse } from '@sluice/proto/inference/v1/inference';
import type { Implementation } from './service.ts';
import { InProcessTransport } from './in-process.ts';
import { CONTRACT_MESSAGE_LIMIT_BYTES } from './flow.contract.ts';
import { transportContract } from './transport.contract.ts';

for (const freezeStreams of [false, true]) {
  transportContract(freezeStreams ? 'in process, streams frozen,' : 'in process', async () => {
    const transport = new InProcessTransport({ freezeStreams, messageLimitBytes: CONTRACT_MESSAGE_LIMIT_BYTES });
    return { server: transport, client: transport, aheadLimit: { answers: 0, requests: 0 }, close: async () => undefined };
  });
}

describe('deadlines in process', () => {
  it('are counted on the clock that was given, to the millisecond, and leave no timer behind', async () => {
    const clock = new ManualClock();
    const left = new Set<object>();
    const after = clock.after.bind(clock);
    clock.after = (delayMs, run) => {
      const timer = after(delayMs, run);
      left.add(timer);
      return { cancel: () => void (left.delete(timer), timer.cancel()) };
    };
    const transport = new InProcessTransport({ clock });
    const signals: AbortSignal[] = [];
    transport.serve(InferenceService, {
      chat: async () => ({}),
      listBackends: (_request, { signal }) => new Promise(() => void signals.push(signal)),
    } as Partial<Implementation<typeof InferenceService>> as Implementation<typeof InferenceService>);
    const client = transport.connect(InferenceService);
    await client.chat({}, { timeoutMs: 1_000 });
    expect(left.size).toBe(0);
    const answer = client.listBackends({}, { timeoutMs: 60_000 });
    clock.advance(59_999);
    expect([left.size, signals.map(({ aborted }) => aborted)]).toEqual([1, [false]]);
    clock.advance(1);
    await expect(answer).rejects.toMatchObject({ code: 'deadline_exceeded' });
    expect([left.size, signals.map(({ aborted }) => aborted)]).toEqual([0, [true]]);
  });
});

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

  it('give each of several pulls at once its own message, in order, and then the end', async () => {
    const client = chat(new InProcessTransport(), async function* () {
      for (const choice of [0, 1]) yield create(StreamChatResponseSchema, { events: [{ event: { case: 'finished', value: { choice } } }] });
    });
    const answers = client.streamChat({})[Symbol.asyncIterator]();
    const pulled = await Promise.all([answers.next(), answers.next(), answers.next()]);
    expect(pulled.map(({ done, value }) => [done, (value as StreamChatResponse | undefined)?.events.map(({ event }) => (event.case === 'finished' ? event.value.choice : undefined))])).toEqual([[false, [0]], [false, [1]], [true, undefined]]);
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
