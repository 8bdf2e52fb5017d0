import { describe, expect, it } from '@jest/globals';
import { InferenceService, type StreamChatRequest } from '@sluice/proto/inference/v1/inference';
import { InProcessTransport } from '@sluice/rpc';
import { RouterClient } from './router-client.ts';

const CALL = { model: 'alias', messages: Buffer.from('[]'), fields: [{ name: 'seed', json: Buffer.from('7') }], stream: true, choices: 2 };
const ROUTED = { callId: 'c', principal: { keyId: 'k', organisationId: 'o', projectId: 'p', models: [], keepsBodies: true }, call: CALL, modelId: 'model_1', insideOnly: true, asStream: true };

describe('the client of the router', () => {
  function router(callLimitMs: number) {
    const transport = new InProcessTransport();
    const asked: StreamChatRequest[] = [];
    transport.serve(InferenceService, {
      chat: () => Promise.reject(new Error('not asked')),
      countTokens: () => Promise.reject(new Error('not asked')),
      listBackends: () => Promise.reject(new Error('not asked')),
      async *streamChat(request, { signal }) {
        asked.push(request);
        yield { events: [] };
        await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
        throw signal.reason;
      },
    });
    return { asked, client: new RouterClient(transport.connect(InferenceService), callLimitMs) };
  }

  it('names the model that was resolved, whose it is, whether the prompt may leave, and whether the answer is to be followed', async () => {
    const { asked, client } = router(60_000);
    for await (const _ of client.stream(ROUTED, new AbortController().signal)) break;
    expect(asked).toMatchObject([{ callId: 'c', modelId: 'model_1', organisationId: 'o', insideOnly: true, asStream: true, call: { model: 'alias', stream: true, choices: 2, fields: [{ name: 'seed' }] } }]);
  });

  it('gives the router as long as a call may live', async () => {
    const { client } = router(30);
    const read = async (): Promise<void> => {
      for await (const _ of client.stream(ROUTED, new AbortController().signal));
    };
    await expect(read()).rejects.toMatchObject({ code: 'deadline_exceeded' });
  });
});
