import { describe, expect, it } from '@jest/globals';
import { ManualClock } from '@sluice/clock';
import { InferenceService, type CountTokensRequest, type StreamChatRequest } from '@sluice/proto/inference/v1/inference';
import { InProcessTransport } from '@sluice/rpc';
import { COUNT_LIMIT_MS, RouterClient } from './router-client.ts';

const CALL = { model: 'alias', messages: Buffer.from('[]'), fields: [{ name: 'seed', json: Buffer.from('7') }], stream: true, choices: 2 };
const ROUTED = { callId: 'c', principal: { keyId: 'k', organisationId: 'o', projectId: 'p', models: [], keepsBodies: true }, call: CALL, modelId: 'model_1', insideOnly: true, asStream: true };

describe('the client of the router', () => {
  function router(callLimitMs: number, tokens?: bigint | 'never') {
    const clock = new ManualClock();
    const transport = new InProcessTransport({ clock });
    const counted: CountTokensRequest[] = [];
    const asked: StreamChatRequest[] = [];
    transport.serve(InferenceService, {
      chat: () => Promise.reject(new Error('not asked')),
      describeModel: async ({ version }) => ({ versions: [Number(version)] }),
      async *inferTensors({ insideOnly, call, modelId, organisationId, jsonOutputs }) {
        yield { events: [{ event: { case: 'tensors', value: { response: call!.tensors } } }] };
        yield { events: [{ event: { case: 'started', value: { versionId: modelId, deploymentId: organisationId, serviceTier: String(insideOnly), systemFingerprint: jsonOutputs?.names.join() ?? 'none' } } }] };
      },
      countTokens: async (request, { signal }) => {
        counted.push(request);
        if (tokens !== 'never') return tokens === undefined ? {} : { inputTokens: tokens };
        await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
        throw signal.reason;
      },
      listBackends: () => Promise.reject(new Error('not asked')),
      async *streamChat(request, { signal }) {
        asked.push(request);
        yield { events: [] };
        await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
        throw signal.reason;
      },
    });
    return { asked, counted, clock, client: new RouterClient(transport.connect(InferenceService), callLimitMs) };
  }

  it('gives tensors to the rpc for tensors, and asks what a model takes', async () => {
    const { asked, client } = router(60_000);
    const tensors = Buffer.from('tensors');
    const events: unknown[] = [];
    for await (const batch of client.stream({ ...ROUTED, call: { ...CALL, tensors } }, new AbortController().signal)) events.push(...batch);
    expect(events).toMatchObject([{ event: { value: { response: tensors } } }, { event: { value: { versionId: 'model_1', deploymentId: 'o', serviceTier: 'true', systemFingerprint: 'none' } } }]);
    for await (const batch of client.stream({ ...ROUTED, call: { ...CALL, tensors, jsonOutputs: ['a', 'b'] } }, new AbortController().signal)) events.push(...batch);
    expect(events.at(-1)).toMatchObject({ event: { value: { systemFingerprint: 'a,b' } } });
    expect(asked).toEqual([]);
    expect(await client.describe({ principal: ROUTED.principal, modelId: 'model_1', version: '7' }, new AbortController().signal)).toMatchObject({ versions: [7] });
  });

  it('names the model that was resolved, whose it is, whether the prompt may leave, and whether the answer is to be followed', async () => {
    const { asked, client } = router(60_000);
    for await (const _ of client.stream(ROUTED, new AbortController().signal)) break;
    expect(asked).toMatchObject([{ callId: 'c', modelId: 'model_1', organisationId: 'o', insideOnly: true, asStream: true, call: { model: 'alias', stream: true, choices: 2, fields: [{ name: 'seed' }] } }]);
  });

  it('gives the router as long as a call may live', async () => {
    const { client, clock, asked } = router(30);
    const read = async (): Promise<void> => {
      for await (const _ of client.stream(ROUTED, new AbortController().signal));
    };
    const reading = expect(read()).rejects.toMatchObject({ code: 'deadline_exceeded' });
    while (asked.length === 0) await new Promise((resolve) => setImmediate(resolve));
    clock.advance(30);
    await reading;
  });

  it('has a prompt counted as it would be sent, whose model it is, or hears that this is not known', async () => {
    const { client, counted } = router(60_000, 37n);
    expect(await client.countInput(ROUTED, new AbortController().signal)).toBe(37);
    expect(counted).toMatchObject([{ callId: 'c', modelId: 'model_1', organisationId: 'o', call: { model: 'alias', choices: 2, messages: Buffer.from('[]'), fields: [{ name: 'seed' }] } }]);
    expect(await router(60_000).client.countInput(ROUTED, new AbortController().signal)).toBeUndefined();
  });

  it('waits for a count for a moment only, and no longer than its caller', async () => {
    const { client, clock, counted } = router(60_000, 'never');
    const leaving = new AbortController();
    const late = expect(client.countInput(ROUTED, new AbortController().signal)).rejects.toMatchObject({ code: 'deadline_exceeded' });
    const left = expect(client.countInput(ROUTED, leaving.signal)).rejects.toMatchObject({ code: 'cancelled' });
    while (counted.length < 2) await new Promise((resolve) => setImmediate(resolve));
    leaving.abort();
    await left;
    clock.advance(COUNT_LIMIT_MS);
    await late;
  });
});
