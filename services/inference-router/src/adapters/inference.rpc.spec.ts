import { describe, expect, it } from '@jest/globals';
import { ManualClock } from '@sluice/clock';
import { create, toBinary } from '@bufbuild/protobuf';
import { ModelInferRequestSchema } from '@sluice/proto/kserve';
import { ChatRequestSchema, InferTensorsRequestSchema, ListBackendsRequestSchema, StreamChatRequestSchema } from '@sluice/proto/inference/v1/inference';
import type { BackendCall } from '../domain/backend.ts';
import { kinds, textOf } from '../domain/backend.contract.ts';
import { Fleet } from '../domain/fleet.ts';
import { DEFAULT_CALL_LIMITS } from '../domain/limits.ts';
import { WholeAnswers } from '../domain/whole-answers.ts';
import { chatCall, deployment, ScriptedBackend, settled, text, usage } from '../testing/scripted-backend.ts';
import { inferenceRpc } from './inference.rpc.ts';
import { counts } from './openai/chat-events.ts';

describe('an answer that the router itself collects', () => {
  const made = async (limitBytes: number) => {
    const clock = new ManualClock();
    const backend = new ScriptedBackend();
    const wholeAnswers = new WholeAnswers(limitBytes);
    const fleet = new Fleet({ open: () => backend, clock, random: () => 0, inFlightPerDeployment: 1, onFault: () => undefined });
    fleet.reconcile([deployment('dep_1')]);
    await settled();
    const meter = { attempt: () => ({ run: <T>(work: () => T): T => work(), firstToken: () => undefined, end: () => undefined }) };
    const registry = { knows: () => true, reread: async () => undefined };
    const rpc = inferenceRpc({ registry, fleet, wholeAnswers, clock, meter, limits: DEFAULT_CALL_LIMITS, onFailedAttempt: () => undefined, onFailedCount: () => undefined });
    const request = create(ChatRequestSchema, { callId: 'c', organisationId: 'org_1', modelId: 'model_1', call: chatCall('m', false) });
    return { backend, fleet, wholeAnswers, ask: () => rpc.chat(request, { metadata: {}, signal: new AbortController().signal }) };
  };

  it('takes room for its events, ends when there is no more, and leaves the backend at once and unblamed', async () => {
    const { backend, fleet, wholeAnswers, ask } = await made(10_000);
    let yielded = 0;
    let isLeft = false;
    backend.answer = async function* () {
      try {
        for (; yielded < 1000; yielded++) yield [text('x'.repeat(1000))];
      } finally {
        isLeft = true;
      }
    };
    await expect(ask()).rejects.toMatchObject({ code: 'overloaded' });
    expect(yielded).toBeLessThan(12);
    expect([isLeft, wholeAnswers.heldBytes]).toEqual([true, 0]);
    expect(fleet.list().map(({ breaker, inFlight }) => [breaker.state, inFlight])).toEqual([['closed', 0]]);
  });

  it('has no counts of the way to its end', async () => {
    const { backend, ask } = await made(10_000);
    backend.answer = async function* () {
      yield [text('a'), counts({ inputTokens: 1n, outputTokens: 1n, cachedInputTokens: 0n, reasoningTokens: 0n })];
      yield [usage()];
    };
    expect(kinds((await ask()).events as never)).toEqual(['delta', 'usage']);
  });

  it('may be as large as all the room, although its backend held it in the same room', async () => {
    const { backend, wholeAnswers, ask } = await made(10_000);
    backend.answer = async function* () {
      using room = wholeAnswers.begin();
      room.take(9_000);
      yield [text('x'.repeat(9_000))];
    };
    expect(textOf((await ask()).events as never)).toHaveLength(9_000);
    expect(wholeAnswers.heldBytes).toBe(0);
  });
});

describe('an answer that is streamed to the caller', () => {
  it.each([
    [false, false, false],
    [true, false, true],
    [false, true, true],
  ])('is asked of the backend as the client wants it (%s), or as a stream when it is followed on its way (%s)', async (stream, asStream, asked) => {
    const clock = new ManualClock();
    const backend = new ScriptedBackend();
    const fleet = new Fleet({ open: () => backend, clock, random: () => 0, inFlightPerDeployment: 1, onFault: () => undefined });
    fleet.reconcile([deployment('dep_1')]);
    await settled();
    const meter = { attempt: () => ({ run: <T>(work: () => T): T => work(), firstToken: () => undefined, end: () => undefined }) };
    const rpc = inferenceRpc({ registry: { knows: () => true, reread: async () => undefined }, fleet, wholeAnswers: new WholeAnswers(1), clock, meter, limits: DEFAULT_CALL_LIMITS, onFailedAttempt: () => undefined, onFailedCount: () => undefined });
    const request = create(StreamChatRequestSchema, { callId: 'c', organisationId: 'org_1', modelId: 'model_1', call: chatCall('m', stream), asStream });
    for await (const { events } of rpc.streamChat(request, { metadata: {}, signal: new AbortController().signal })) expect(events).toHaveLength(1);
    expect(backend.calls.map(({ call }) => call.stream)).toEqual([asked]);
    expect(request.call?.stream).toBe(stream);
  });
});

describe('a call with tensors', () => {
  it('lets the backend know which outputs are wanted as JSON', async () => {
    const clock = new ManualClock();
    const heard: BackendCall['jsonOutputs'][] = [];
    const backend = Object.assign(new ScriptedBackend(), {
      async *infer({ jsonOutputs }: BackendCall) {
        heard.push(jsonOutputs);
        yield [usage()];
      },
    });
    const fleet = new Fleet({ open: () => backend, clock, random: () => 0, inFlightPerDeployment: 1, onFault: () => undefined });
    fleet.reconcile([deployment('dep_1')]);
    await settled();
    const meter = { attempt: () => ({ run: <T>(work: () => T): T => work(), firstToken: () => undefined, end: () => undefined }) };
    const rpc = inferenceRpc({ registry: { knows: () => true, reread: async () => undefined }, fleet, wholeAnswers: new WholeAnswers(1), clock, meter, limits: DEFAULT_CALL_LIMITS, onFailedAttempt: () => undefined, onFailedCount: () => undefined });
    const call = { ...chatCall('m', false), tensors: toBinary(ModelInferRequestSchema, create(ModelInferRequestSchema, { id: 'r' })) };
    for (const jsonOutputs of [undefined, { names: [] }, { names: ['a'] }]) {
      const request = create(InferTensorsRequestSchema, { callId: 'c', organisationId: 'org_1', modelId: 'model_1', call, ...(jsonOutputs && { jsonOutputs }) });
      for await (const _ of rpc.inferTensors(request, { metadata: {}, signal: new AbortController().signal }));
    }
    expect(heard).toEqual([undefined, [], ['a']]);
  });
});

describe('the state of backends', () => {
  it('calls healthy only what has answered: not what was not asked yet, nor what is out of service', async () => {
    const clock = new ManualClock();
    const backend = new ScriptedBackend();
    const asked = Promise.withResolvers<void>();
    backend.probeOutcome = () => asked.promise;
    const fleet = new Fleet({ open: () => backend, clock, random: () => 0, inFlightPerDeployment: 1, onFault: () => undefined });
    const meter = { attempt: () => ({ run: <T>(work: () => T): T => work(), firstToken: () => undefined, end: () => undefined }) };
    const registry = { knows: () => true, reread: async () => undefined };
    const rpc = inferenceRpc({ registry, fleet, wholeAnswers: new WholeAnswers(1), clock, meter, limits: DEFAULT_CALL_LIMITS, onFailedAttempt: () => undefined, onFailedCount: () => undefined });
    const listed = async () => (await rpc.listBackends(create(ListBackendsRequestSchema, { organisationId: 'org_1' }), { metadata: {}, signal: new AbortController().signal })).backends?.map(({ healthy, reason }) => [healthy, reason]);
    fleet.reconcile([deployment('dep_1')]);
    expect(await listed()).toEqual([[false, 'It was not asked yet.']]);
    asked.resolve();
    await settled();
    expect(await listed()).toEqual([[true, '']]);
    const [member] = fleet.list();
    member!.begin();
    fleet.reconcile([]);
    expect(await listed()).toEqual([[false, 'Draining: it was taken out of service.']]);
  });
});
