import { setImmediate as nextTurn } from 'node:timers/promises';
import { expect, it } from '@jest/globals';
import { ServiceError } from '@sluice/errors';
import { InferenceService, StreamChatResponseSchema } from '@sluice/proto/inference/v1/inference';
import { create, toBinary } from '@bufbuild/protobuf';
import { GRPCInferenceService, ModelReadyRequestSchema } from '@sluice/proto/kserve';
import type { Implementation } from './service.ts';
import { CountService, type CountClient } from './testing/count-service.ts';
import { collect, never, until } from './testing/waiting.ts';
import type { TransportPair } from './transport.contract.ts';

type Kserve = Implementation<typeof GRPCInferenceService>;
type Inference = Implementation<typeof InferenceService>;

/** Every pair of the contract is made with this limit of a message. */
export const CONTRACT_MESSAGE_LIMIT_BYTES = 256 * 1024;
const delta = (text: string) => ({ events: [{ event: { case: 'delta' as const, value: { text } } }] });

/** Turns for what is under way to go as far as it can. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 300; turn++) await nextTurn();
}

/** The part of the transport contract that is about amounts: how much is under way, how large, how many at once, and how each end of a call ends the other. */
export function flowContract(pairOf: () => TransportPair): void {
  const kserve = (implementation: Partial<Kserve>) => {
    pairOf().server.serve(GRPCInferenceService, implementation as Kserve);
    return pairOf().client.connect(GRPCInferenceService);
  };
  const inference = (implementation: Partial<Inference>) => {
    pairOf().server.serve(InferenceService, implementation as Inference);
    return pairOf().client.connect(InferenceService);
  };

  it('pauses the producer of requests while the handler reads none, and lets it go on when it does', async () => {
    let produced = 0;
    let read = 0;
    const resume = Promise.withResolvers<void>();
    async function* asks() {
      for (; produced < 5_000; produced++) yield { id: 'x'.repeat(1000) };
    }
    const client = kserve({
      async *modelStreamInfer(requests) {
        for await (const { id } of requests) {
          if (++read === 3) await resume.promise;
          if (id.length !== 1000) throw new ServiceError('invalid_value', 'cut short');
        }
        yield {};
      },
    });
    const answers = collect(client.modelStreamInfer(asks()));
    await until(() => read === 3);
    await settle();
    expect(produced - read).toBeLessThanOrEqual(pairOf().aheadLimit.requests);
    resume.resolve();
    expect(await answers).toHaveLength(1);
    expect([read, produced]).toEqual([5_000, 5_000]);
  });

  it('holds up no other call while one reader stands still', async () => {
    const client = inference({
      async *streamChat() { for (;;) yield delta('x'.repeat(1000)); },
      listBackends: async () => ({}),
    });
    const standing = Array.from({ length: 4 }, () => client.streamChat({})[Symbol.asyncIterator]());
    for (const reader of standing) await reader.next();
    await settle();
    for (let call = 0; call < 5; call++) expect(await client.listBackends({}, { timeoutMs: 30_000 })).toBeDefined();
    for (const reader of standing) await reader.return?.();
  });

  it('keeps the messages of many calls at once apart', async () => {
    const client = kserve({
      modelReady: async ({ name }) => (await nextTurn(), { ready: Number(name) % 2 === 0 }),
      async *modelStreamInfer(requests) { for await (const { id } of requests) yield { inferResponse: { id } }; },
    });
    const calls = Array.from({ length: 100 }, async (_, call) => {
      async function* asks() { for (let ask = 0; ask < 5; ask++) yield { id: `${call}-${ask}` }; }
      const { ready } = await client.modelReady({ name: String(call) });
      const ids = (await collect(client.modelStreamInfer(asks()))).map(({ inferResponse }) => inferResponse!.id);
      expect({ ready, ids }).toEqual({ ready: call % 2 === 0, ids: [0, 1, 2, 3, 4].map((ask) => `${call}-${ask}`) });
    });
    await Promise.all(calls);
  });

  it('carries streams of no messages', async () => {
    const client = kserve({ async *modelStreamInfer(requests) { for await (const _ of requests) yield {}; } });
    expect(await collect(client.modelStreamInfer((async function* () { /* Asks nothing. */ })()))).toEqual([]);
  });

  it('carries a request that is as long as the limit, and refuses a longer one before any handler sees it', async () => {
    const seen: number[] = [];
    const client = kserve({ modelReady: async ({ name }) => (seen.push(name.length), { ready: true }) });
    const overhead = toBinary(ModelReadyRequestSchema, create(ModelReadyRequestSchema, { name: 'x'.repeat(CONTRACT_MESSAGE_LIMIT_BYTES) })).length - CONTRACT_MESSAGE_LIMIT_BYTES;
    const longest = CONTRACT_MESSAGE_LIMIT_BYTES - overhead;
    expect(await client.modelReady({ name: 'x'.repeat(longest) })).toMatchObject({ ready: true });
    await expect(client.modelReady({ name: 'x'.repeat(longest + 1) })).rejects.toMatchObject({ code: 'request_too_large' });
    expect(await client.modelReady({ name: 'short' })).toMatchObject({ ready: true });
    expect(seen).toEqual([longest, 5]);
  });

  it('takes an answer beyond the limit for a fault of the server', async () => {
    const answer = delta('x'.repeat(CONTRACT_MESSAGE_LIMIT_BYTES));
    expect(toBinary(StreamChatResponseSchema, create(StreamChatResponseSchema, answer)).length).toBeGreaterThan(CONTRACT_MESSAGE_LIMIT_BYTES);
    await expect(inference({ chat: async () => answer }).chat({})).rejects.toMatchObject({ code: 'internal' });
  });

  it('carries any text in an error', async () => {
    const [message, param] = ['100 % of "größer", 大模型 😀,\r\nnext line', 'messages[0].größe, 大'];
    const client = inference({ listBackends: async () => { throw new ServiceError('invalid_value', message, { param }); } });
    await expect(client.listBackends({})).rejects.toMatchObject({ code: 'invalid_value', message, param });
  });

  it('fails both sides when the producer of requests fails', async () => {
    for (const thrown of [new ServiceError('upstream_error', 'The source broke off.'), new TypeError('planted secret')]) {
      let [began, ended] = [false, false];
      const client = kserve({
        async *modelStreamInfer(requests) {
          try {
            for await (const { id } of requests) {
              began = true;
              yield { inferResponse: { id } };
            }
          } finally { ended = true; }
        },
      });
      async function* asks() { yield { id: 'a' }; await until(() => began); throw thrown; }
      const outcome = await collect(client.modelStreamInfer(asks())).then(() => undefined, (failure: unknown) => failure as Error);
      expect(outcome).toMatchObject({ code: thrown instanceof ServiceError ? 'upstream_error' : 'internal', message: expect.not.stringContaining('planted') });
      await until(() => ended);
    }
  });

  it('ends streams of requests at the deadline, on both sides', async () => {
    let stopped = 0;
    const handler = async (requests: AsyncIterable<unknown>): Promise<object> => {
      for await (const _ of requests) continue;
      return {};
    };
    pairOf().server.serve(CountService, { count: handler } as unknown as Implementation<typeof CountService>);
    const client = pairOf().client.connect(CountService) as unknown as CountClient;
    const controller = new AbortController();
    async function* words() {
      try { yield { value: 'one' }; await never(controller.signal); } finally { stopped++; }
    }
    await expect(client.count(words(), { timeoutMs: 50 })).rejects.toMatchObject({ code: 'deadline_exceeded' });
    controller.abort();
    await until(() => stopped === 1);
  });

  it('tells the code of a handler that fails before it reads or answers anything', async () => {
    const client = kserve({ modelStreamInfer: () => { throw new ServiceError('model_not_found', 'No such model.', { param: 'model' }); } });
    async function* asks() { for (;;) { yield { id: 'x' }; await nextTurn(); } }
    await expect(collect(client.modelStreamInfer(asks()))).rejects.toMatchObject({ code: 'model_not_found', param: 'model' });
  });
}
