import { setImmediate as nextTurn } from 'node:timers/promises';
import { ROOT_CONTEXT, context, propagation, trace, type Context, type ContextManager, type TextMapPropagator } from '@opentelemetry/api';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { ServiceError } from '@sluice/errors';
import { InferenceService } from '@sluice/proto/inference/v1/inference';
import { GRPCInferenceService } from '@sluice/proto/kserve';
import type { HandlerContext, Implementation, Transport } from './service.ts';
import { CountService, type CountClient } from './testing/count-service.ts';
import { WAIT_LIMIT_MS, collect, never, until } from './testing/waiting.ts';
import { flowContract } from './flow.contract.ts';

export interface TransportPair {
  readonly server: Pick<Transport, 'serve'>;
  readonly client: Pick<Transport, 'connect'>;
  /** How many messages of 1 kB a transport may pull ahead of their reader: 0 in process, windows and buffers on a wire. */
  readonly aheadLimit: { readonly answers: number; readonly requests: number };
  close(): Promise<void>;
}

type Kserve = Implementation<typeof GRPCInferenceService>;
type Inference = Implementation<typeof InferenceService>;

const TRACEPARENT = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
/** A caller's signal that counts who listens. */
function countedSignal() {
  const controller = new AbortController();
  const { signal } = controller;
  let listeners = 0;
  const [add, remove] = [signal.addEventListener.bind(signal), signal.removeEventListener.bind(signal)];
  signal.addEventListener = (...rest: Parameters<typeof add>) => {
    listeners++;
    add(...rest);
  };
  signal.removeEventListener = (...rest: Parameters<typeof remove>) => {
    listeners--;
    remove(...rest);
  };
  return { controller, signal, listeners: () => listeners };
}

/** What every transport guarantees; each adapter's spec calls it with its own pair. */
export function transportContract(name: string, makePair: () => Promise<TransportPair>): void {
  describe(`${name} as a transport`, () => {
    let pair: TransportPair;
    beforeEach(async () => {
      pair = await makePair();
    });
    afterEach(() => pair.close());
    flowContract(() => pair);

    const kserve = (implementation: Partial<Kserve>) => {
      pair.server.serve(GRPCInferenceService, implementation as Kserve);
      return pair.client.connect(GRPCInferenceService);
    };
    const inference = (implementation: Partial<Inference>) => {
      pair.server.serve(InferenceService, implementation as Inference);
      return pair.client.connect(InferenceService);
    };
    const failing = (thrown: unknown) => inference({ listBackends: async () => { throw thrown; }, async *streamChat() { yield { events: [] }; throw thrown; } });

    it('carries a message there and another back, with metadata', async () => {
      let seen: HandlerContext | undefined;
      const client = kserve({
        modelReady: async (request, handlerContext) => {
          seen = handlerContext;
          return { ready: request.name === 'm' };
        },
      });
      expect((await client.modelReady({ name: 'm' }, { metadata: { 'x-call': '42' } })).ready).toBe(true);
      expect(seen?.metadata['x-call']).toBe('42');
      expect(seen?.signal.aborted).toBe(false);
    });

    it('keeps 64-bit integers exact', async () => {
      const exact = [2n ** 64n - 1n, 2n ** 53n + 1n, 0n];
      const client = kserve({ modelStatistics: async () => ({ modelStats: exact.map((inferenceCount) => ({ inferenceCount })) }) });
      expect((await client.modelStatistics({})).modelStats.map(({ inferenceCount }) => inferenceCount)).toEqual(exact);
    });

    it('shares no object between caller and handler of a unary call', async () => {
      let received: object | undefined;
      const answer = { events: [{ event: { case: 'delta' as const, value: { text: 'a' } } }] };
      const client = inference({ chat: async (request) => { received = request.call; return answer; } });
      const call = { model: 'm', messages: Buffer.from('[]'), fields: [], stream: false, choices: 1 };
      const result = await client.chat({ callId: 'c', call });
      expect(received).toMatchObject({ model: 'm', choices: 1 });
      expect(received).not.toBe(call);
      expect(result).not.toBe(answer);
      expect(result.events[0]?.event).toMatchObject({ case: 'delta', value: { text: 'a' } });
    });

    it('keeps code, public message, parameter and pause of a typed error', async () => {
      const error = new ServiceError('upstream_rate_limited', 'Slow down.', { param: 'messages[0]', retryAfterSeconds: 7, cause: new Error('internal detail') });
      const client = failing(error);
      const expected = { code: 'upstream_rate_limited', message: 'Slow down.', param: 'messages[0]', retryAfterSeconds: 7 };
      await expect(client.listBackends({})).rejects.toMatchObject(expected);
      await expect(collect(client.streamChat({}))).rejects.toMatchObject(expected);
    });

    it('keeps the refusal of an upstream as it was', async () => {
      const upstream = { status: 422, type: 'invalid_request_error', code: 'odd', param: 'tools' };
      await expect(failing(new ServiceError('upstream_refused', 'No.', { upstream })).listBackends({})).rejects.toMatchObject({ code: 'upstream_refused', upstream });
    });

    it('never shows the message of a programmer error', async () => {
      const client = failing(new TypeError('planted secret'));
      for (const outcome of [client.listBackends({}), collect(client.streamChat({}))]) {
        const error = await outcome.then(() => undefined, (thrown: unknown) => thrown);
        expect(error).toMatchObject({ code: 'internal' });
        expect((error as Error).message).not.toContain('planted secret');
      }
    });

    it('fails with backend_unavailable when the service is not served', async () => {
      const client = pair.client.connect(InferenceService);
      await expect(client.listBackends({})).rejects.toMatchObject({ code: 'backend_unavailable' });
      await expect(collect(client.streamChat({}))).rejects.toMatchObject({ code: 'backend_unavailable' });
    });

    it('streams in order, and an error comes behind what was sent before it', async () => {
      const client = inference({
        async *streamChat(request) {
          for (let count = 0; count < 100; count++) yield { events: [{ event: { case: 'delta', value: { text: `${request.callId}${count}` } } }] };
          throw new ServiceError('upstream_error', 'broke off');
        },
      });
      const texts: string[] = [];
      await expect((async () => {
        for await (const { events } of client.streamChat({ callId: 'c' })) texts.push(...events.map(({ event }) => (event.case === 'delta' ? event.value.text : '')));
      })()).rejects.toMatchObject({ code: 'upstream_error' });
      expect(texts).toEqual(Array.from({ length: 100 }, (_, count) => `c${count}`));
    });

    it('stops the producer when the reader leaves, and tells its signal', async () => {
      let stopped = false;
      let signal: AbortSignal | undefined;
      const client = inference({
        async *streamChat(_request, handlerContext) {
          signal = handlerContext.signal;
          try {
            for (;;) yield { events: [] };
          } finally {
            stopped = true;
          }
        },
      });
      let read = 0;
      for await (const _ of client.streamChat({})) if (++read === 3) break;
      await until(() => stopped && signal!.aborted);
    });

    it('frees a reader that leaves while the producer is stuck', async () => {
      let stopped = false;
      const client = inference({
        async *streamChat(_request, { signal }) {
          try {
            yield { events: [] };
            await never(signal);
          } finally {
            stopped = true;
          }
        },
      });
      const reader = client.streamChat({})[Symbol.asyncIterator]();
      await reader.next();
      const pending = reader.next().then((result) => result.done, () => 'ended');
      await reader.return?.();
      await until(() => stopped);
      expect(await pending).not.toBe(false);
    });

    it('does not pull a producer ahead without bound', async () => {
      let produced = 0;
      const client = inference({
        async *streamChat() {
          for (;;) {
            produced++;
            yield { events: [{ event: { case: 'delta', value: { text: 'x'.repeat(1000) } } }] };
          }
        },
      });
      const reader = client.streamChat({})[Symbol.asyncIterator]();
      for (let read = 0; read < 3; read++) await reader.next();
      for (let turn = 0; turn < 100; turn++) await nextTurn();
      expect(produced - 3).toBeLessThanOrEqual(pair.aheadLimit.answers);
      await reader.return?.();
    });

    it('ends a call at its deadline, on both sides', async () => {
      const signals: AbortSignal[] = [];
      const client = inference({
        listBackends: async (_request, { signal }) => (signals.push(signal), await never(signal)),
        async *streamChat(_request, { signal }) { signals.push(signal); yield { events: [] }; await never(signal); },
      });
      const calls = [
        (timeoutMs: number) => client.listBackends({}, { timeoutMs }),
        (timeoutMs: number) => collect(client.streamChat({}, { timeoutMs })),
      ];
      for (const call of calls) {
        signals.length = 0;
        // On a slow machine a short deadline may pass before the other side has heard of the call.
        for (let timeoutMs = 30; signals.length === 0 && timeoutMs < WAIT_LIMIT_MS; timeoutMs *= 10) {
          await expect(call(timeoutMs)).rejects.toMatchObject({ code: 'deadline_exceeded' });
        }
        expect(signals.length).toBeGreaterThan(0);
        await until(() => signals.every(({ aborted }) => aborted));
      }
    });

    it("ends a call by the caller's signal, on both sides, whatever the reason is", async () => {
      for (const reason of [undefined, new Error('planted reason'), new ServiceError('draining', 'bye')]) {
        const controller = new AbortController();
        let signal: AbortSignal | undefined;
        const client = inference({ listBackends: async (_request, handlerContext) => { signal = handlerContext.signal; return await never(signal); } });
        const outcome = client.listBackends({}, { signal: controller.signal });
        await until(() => signal !== undefined);
        controller.abort(reason);
        await expect(outcome).rejects.toMatchObject({ code: reason instanceof ServiceError ? 'draining' : 'cancelled', message: expect.not.stringContaining('planted') });
        await until(() => signal!.aborted);
      }
    });

    it('does not call a handler for a caller that has left already', async () => {
      let calls = 0;
      const client = inference({ listBackends: async () => { calls++; return {}; }, async *streamChat() { calls++; yield {}; } });
      const signal = AbortSignal.abort();
      await expect(client.listBackends({}, { signal })).rejects.toMatchObject({ code: 'cancelled' });
      await expect(collect(client.streamChat({}, { signal }))).rejects.toMatchObject({ code: 'cancelled' });
      expect(calls).toBe(0);
    });

    it("leaves no listener on the caller's signal, however a call ends", async () => {
      const { signal, listeners } = countedSignal();
      const client = inference({
        chat: async () => { throw new ServiceError('upstream_error', 'no'); },
        listBackends: async () => ({}),
        async *streamChat() { yield { events: [] }; yield { events: [] }; },
      });
      for (let round = 0; round < 20; round++) {
        await client.listBackends({}, { signal, timeoutMs: 60_000 });
        await client.chat({}, { signal }).catch(() => undefined);
        await collect(client.streamChat({}, { signal }));
        for await (const _ of client.streamChat({}, { signal })) break;
      }
      await until(() => listeners() === 0);
    });

    it('carries both directions of a stream, answer by answer', async () => {
      const client = kserve({
        async *modelStreamInfer(requests) {
          for await (const { id } of requests) yield { inferResponse: { id: `re-${id}` } };
        },
      });
      const order: string[] = [];
      async function* asks() {
        for (const id of ['a', 'b', 'c']) {
          order.push(id);
          yield { id };
        }
      }
      for await (const { inferResponse } of client.modelStreamInfer(asks())) order.push(inferResponse!.id);
      expect(order.filter((entry) => entry.startsWith('re-'))).toEqual(['re-a', 're-b', 're-c']);
      expect(order.filter((entry) => !entry.startsWith('re-'))).toEqual(['a', 'b', 'c']);
    });

    it('stops the producer of requests when the call ends without having read them all', async () => {
      let stopped = 0;
      async function* asks() {
        try {
          for (;;) yield { id: 'x' };
        } finally {
          stopped++;
        }
      }
      const client = kserve({
        async *modelStreamInfer(requests) {
          for await (const { id } of requests) {
            yield { inferResponse: { id } };
            throw new ServiceError('overloaded', 'enough');
          }
        },
      });
      await expect(collect(client.modelStreamInfer(asks()))).rejects.toMatchObject({ code: 'overloaded' });
      await until(() => stopped === 1);
      for await (const _ of client.modelStreamInfer(asks())) break;
      await until(() => stopped === 2);
    });

    it('ends a handler that waits for requests when the caller leaves', async () => {
      let ended = false;
      const controller = new AbortController();
      const client = kserve({
        async *modelStreamInfer(requests) {
          try {
            for await (const { id } of requests) yield { inferResponse: { id } };
          } finally {
            ended = true;
          }
        },
      });
      async function* asks() {
        yield { id: 'x' };
        await never(controller.signal);
      }
      const outcome = (async () => {
        for await (const _ of client.modelStreamInfer(asks(), { signal: controller.signal })) controller.abort();
      })();
      await expect(outcome).rejects.toMatchObject({ code: 'cancelled' });
      await until(() => ended);
    });

    it('carries a stream of requests to one answer', async () => {
      let stopped = false;
      async function* words() {
        try {
          for (const value of ['one', 'three', 'stop', 'never']) yield { value };
        } finally {
          stopped = true;
        }
      }
      const implementation = {
        count: async (requests: AsyncIterable<{ value: string }>) => {
          let characters = 0n;
          for await (const { value } of requests) {
            if (value === 'stop') break;
            characters += BigInt(value.length);
          }
          return { value: characters };
        },
      };
      pair.server.serve(CountService, implementation as unknown as Implementation<typeof CountService>);
      const client = pair.client.connect(CountService) as unknown as CountClient;
      expect((await client.count(words())).value).toBe(8n);
      await until(() => stopped);
    });

    it('carries the W3C trace context', async () => {
      const restore = useTraceparent(TRACEPARENT);
      try {
        const seen: (string | undefined)[] = [];
        const client = inference({
          listBackends: async (_request, { metadata }) => (seen.push(metadata['traceparent']), {}),
          async *streamChat(_request, { metadata }) { seen.push(metadata['traceparent']); yield {}; },
        });
        const models = kserve({ async *modelStreamInfer(_requests, { metadata }) { seen.push(metadata['traceparent']); yield {}; } });
        await client.listBackends({});
        await collect(client.streamChat({}));
        await collect(models.modelStreamInfer((async function* () { yield {}; })()));
        expect(seen).toEqual([TRACEPARENT, TRACEPARENT, TRACEPARENT]);
      } finally {
        restore();
      }
    });
  });
}

/** Sets up as much of OpenTelemetry as a process with tracing would: an active span and the W3C propagator. */
function useTraceparent(traceparent: string): () => void {
  const [, traceId, spanId] = traceparent.split('-') as [string, string, string];
  const active: Context = trace.setSpanContext(ROOT_CONTEXT, { traceId, spanId, traceFlags: 1 });
  const manager: ContextManager = {
    active: () => active,
    with: (_context, run, self, ...rest) => run.apply(self as never, rest),
    bind: (_context, target) => target,
    enable: () => manager,
    disable: () => manager,
  };
  const propagator: TextMapPropagator<Record<string, string>> = {
    inject: (from, carrier) => {
      const span = trace.getSpanContext(from);
      if (span) carrier['traceparent'] = `00-${span.traceId}-${span.spanId}-0${span.traceFlags}`;
    },
    extract: (from) => from,
    fields: () => ['traceparent'],
  };
  context.setGlobalContextManager(manager);
  propagation.setGlobalPropagator(propagator);
  return () => {
    context.disable();
    propagation.disable();
  };
}
