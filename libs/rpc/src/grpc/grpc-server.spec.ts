import { once } from 'node:events';
import { connect as connectSession } from 'node:http2';
import { connect } from 'node:net';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { Client, Metadata, credentials, status, type ServiceError as CallError } from '@grpc/grpc-js';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { afterEach, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { systemClock } from '@sluice/clock';
import { ServiceError } from '@sluice/errors';
import { HealthCheckRequestSchema, HealthCheckResponseSchema, HealthCheckResponse_ServingStatus as Status } from '@sluice/proto/grpc/health/v1/health';
import { InferenceService, StreamChatRequestSchema } from '@sluice/proto/inference/v1/inference';
import { GRPCInferenceService } from '@sluice/proto/kserve';
import { GrpcClient, GrpcServer, type GrpcServerOptions } from '../grpc.ts';
import type { Implementation } from '../service.ts';
import { TcpRelay } from '../testing/tcp-relay.ts';
import { WAIT_LIMIT_MS, collect, never, until } from '../testing/waiting.ts';
import { asBuffer } from './bytes.ts';

type Inference = Partial<Implementation<typeof InferenceService>>;

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function start(implementation: Inference, options: Partial<GrpcServerOptions> = {}) {
  const server = new GrpcServer({ clock: systemClock, ...options });
  server.serve(InferenceService, implementation as Implementation<typeof InferenceService>);
  const port = await server.listen('127.0.0.1:0');
  closers.push(() => server.stop(0));
  return { server, port, address: `127.0.0.1:${port}` };
}

function clientOf(address: string) {
  const client = new GrpcClient({ addresses: [address], clock: systemClock });
  closers.push(() => client.close());
  return client.connect(InferenceService);
}

/** A client as any other language has it: grpc-js alone. */
function stranger(address: string): Client {
  const client = new Client(address, credentials.createInsecure());
  closers.push(() => client.close());
  return client;
}

const ask = (client: Client, path: string, bytes: Uint8Array, metadata = new Metadata(), options = {}) => new Promise<Buffer>((resolve, reject) => {
  client.makeUnaryRequest(path, asBuffer, (answer: Buffer) => answer, bytes, metadata, options, (error, answer) => (error ? reject(error) : resolve(answer!)));
});

describe('a graceful stop', () => {
  it('lets calls under way end, refuses new ones, and is done when they are', async () => {
    const go = Promise.withResolvers<void>();
    let under = 0;
    const { server, address } = await start({
      listBackends: async () => (under++, await go.promise, {}),
      async *streamChat() { under++; yield {}; await go.promise; yield {}; },
    });
    const client = clientOf(address);
    const [one, many] = [client.listBackends({}), collect(client.streamChat({}))];
    await until(() => under === 2);
    let isDone = false;
    const stopped = server.stop(60_000).then(() => (isDone = true));
    await expect(client.listBackends({})).rejects.toMatchObject({ code: 'backend_unavailable', row: { grpc: status.UNAVAILABLE } });
    await expect(clientOf(address).listBackends({})).rejects.toMatchObject({ code: 'backend_unavailable' });
    expect([isDone, under]).toEqual([false, 2]);
    go.resolve();
    expect(await one).toBeDefined();
    expect(await many).toHaveLength(2);
    await stopped;
  });

  it('ends what does not end by itself when its time is over, and tells its signal', async () => {
    const signals: AbortSignal[] = [];
    const { server, address } = await start({
      listBackends: async (_request, { signal }) => (signals.push(signal), await never(signal)),
      async *streamChat(_request, { signal }) { signals.push(signal); yield {}; await never(signal); },
    });
    const client = clientOf(address);
    const outcomes = [client.listBackends({}), collect(client.streamChat({}))].map((call) => expect(call).rejects.toMatchObject({ code: 'backend_unavailable' }));
    await until(() => signals.length === 2);
    await server.stop(20);
    await Promise.all(outcomes);
    await until(() => signals.every(({ aborted }) => aborted));
  });
});

describe('a connection that never says anything', () => {
  it('does not keep a stop waiting beyond its time', async () => {
    const { server, port } = await start({});
    const silent = connect(port, '127.0.0.1');
    closers.push(() => silent.destroy());
    const ended = once(silent, 'close');
    silent.on('error', () => undefined);
    await once(silent, 'connect');
    silent.resume();
    await server.stop(20);
    await ended;
  });
});

describe('a server that goes away in mid-stream', () => {
  it('fails its readers behind what they were sent', async () => {
    const { server, address } = await start({
      async *streamChat(_request, { signal }) { for (let count = 0; count < 5; count++) yield { events: [] }; await never(signal); },
    });
    let read = 0;
    const outcome = (async () => {
      for await (const _ of clientOf(address).streamChat({})) if (++read === 5) void server.stop(0);
    })();
    await expect(outcome).rejects.toMatchObject({ code: 'backend_unavailable' });
    expect(read).toBe(5);
  });

  it('fails calls in both directions, and stops the producers of requests, when its connections are reset', async () => {
    let [heard, stopped] = [0, 0];
    const server = new GrpcServer({ clock: systemClock });
    closers.push(() => server.stop(0));
    server.serve(GRPCInferenceService, {
      async *modelStreamInfer(requests) { for await (const _ of requests) { heard++; yield {}; } },
    } as Partial<Implementation<typeof GRPCInferenceService>> as Implementation<typeof GRPCInferenceService>);
    const relay = await TcpRelay.open(await server.listen('127.0.0.1:0'));
    const client = new GrpcClient({ addresses: [relay.address], clock: systemClock });
    closers.push(() => client.close());
    async function* asks() { try { for (;;) { yield { id: 'x' }; await nextTurn(); } } finally { stopped++; } }
    const outcome = expect(collect(client.connect(GRPCInferenceService).modelStreamInfer(asks()))).rejects.toMatchObject({ code: 'backend_unavailable' });
    await until(() => heard > 0);
    await relay.close();
    await outcome;
    await until(() => stopped === 1);
  });
});

describe('a deadline on the wire', () => {
  it('ends the handler also when nothing of its caller is heard any more', async () => {
    let signal: AbortSignal | undefined;
    const { port } = await start({ listBackends: async (_request, handed) => (relay.hold(), (signal = handed.signal), await never(signal)) });
    const relay = await TcpRelay.open(port);
    closers.push(() => relay.close());
    const client = clientOf(relay.address);
    // On a slow machine a short deadline may pass before the server has heard of the call.
    for (let timeoutMs = 200; signal === undefined && timeoutMs < WAIT_LIMIT_MS; timeoutMs *= 5) {
      await expect(client.listBackends({}, { timeoutMs })).rejects.toMatchObject({ code: 'deadline_exceeded' });
    }
    await until(() => signal!.aborted);
    expect(signal!.reason).toMatchObject({ code: 'deadline_exceeded' });
  });
});

describe('a caller that was unplugged', () => {
  it('is noticed, and its call ends', async () => {
    let signal: AbortSignal | undefined;
    const { port } = await start({ listBackends: async (_request, handed) => { signal = handed.signal; return await never(signal); } }, { keepAliveMs: 100 });
    const relay = await TcpRelay.open(port);
    closers.push(() => relay.close());
    const outcome = clientOf(relay.address).listBackends({}).catch((error: unknown) => error);
    await until(() => signal !== undefined);
    relay.hold();
    await until(() => signal!.aborted);
    await relay.close();
    closers.pop();
    expect(await outcome).toMatchObject({ code: 'backend_unavailable' });
  });
});

describe('a caller whose process ends', () => {
  it('is noticed at once, long before it would be pinged', async () => {
    const signals: AbortSignal[] = [];
    const { address } = await start({ listBackends: async (_request, { signal }) => (signals.push(signal), await never(signal)) }, { keepAliveMs: 3_600_000 });
    const session = connectSession(`http://${address}`);
    session.on('error', () => undefined);
    session.request({ ':method': 'POST', ':path': `/${InferenceService.typeName}/ListBackends`, 'content-type': 'application/grpc' }).on('error', () => undefined).end(Buffer.alloc(5));
    await until(() => signals.length === 1);
    session.destroy();
    await until(() => signals[0]!.aborted);
  });
});

describe('a stranger that speaks gRPC', () => {
  it('gets the canonical status and the public message of an error, and trailers that say the rest', async () => {
    const { address } = await start({ listBackends: async () => { throw new ServiceError('model_not_found', 'No such model.', { param: 'model' }); } });
    const error = await ask(stranger(address), `/${InferenceService.typeName}/ListBackends`, new Uint8Array()).catch((thrown: unknown) => thrown as CallError);
    expect(error).toMatchObject({ code: status.NOT_FOUND, details: 'No such model.' });
    expect(JSON.parse(String((error as CallError).metadata.get('sluice-error-bin')[0]))).toEqual({ code: 'model_not_found', param: 'model' });
  });

  it('cannot send more than the limit', async () => {
    let calls = 0;
    const { address } = await start({ chat: async () => (calls++, {}) }, { messageLimitBytes: 1_000 });
    await expect(ask(stranger(address), `/${InferenceService.typeName}/Chat`, new Uint8Array(1_001))).rejects.toMatchObject({ code: status.RESOURCE_EXHAUSTED });
    expect(calls).toBe(0);
  });

  it('gets an error for bytes that are no message, and the server lives', async () => {
    const { address } = await start({ chat: async () => ({}), async *streamChat() { yield {}; } });
    const client = stranger(address);
    await expect(ask(client, `/${InferenceService.typeName}/Chat`, Buffer.from([0xff, 0xff, 0xff]))).rejects.toMatchObject({ code: status.INTERNAL });
    await expect(ask(client, `/${InferenceService.typeName}/StreamChat`, Buffer.from([0xff, 0xff, 0xff]))).rejects.toMatchObject({ code: status.INTERNAL });
    expect(await ask(client, `/${InferenceService.typeName}/Chat`, toBinary(StreamChatRequestSchema, create(StreamChatRequestSchema)))).toHaveLength(0);
  });

  it('that sends anything at all harms no one: every call of others goes on', async () => {
    const { address, port } = await start({ chat: async () => ({}), async *streamChat() { yield {}; } });
    const client = clientOf(address);
    const preface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
    await fc.assert(fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 300 }), fc.boolean(), async (bytes, isFramed) => {
      const socket = connect(port, '127.0.0.1');
      socket.on('error', () => undefined);
      socket.resume();
      await once(socket, 'connect');
      socket.write(isFramed ? Buffer.concat([preface, bytes]) : bytes);
      expect(await client.chat({}, { timeoutMs: 30_000 })).toBeDefined();
      socket.destroy();
    }), { numRuns: 100 });
    const raw = stranger(address);
    await fc.assert(fc.asyncProperty(fc.uint8Array({ maxLength: 60 }), fc.constantFrom('Chat', 'StreamChat'), async (bytes, name) => {
      const outcome = await ask(raw, `/${InferenceService.typeName}/${name}`, bytes).then(() => status.OK, (error: unknown) => (error as CallError).code);
      expect([status.OK, status.INTERNAL]).toContain(outcome);
    }), { numRuns: 100 });
    expect(await collect(client.streamChat({}))).toHaveLength(1);
  });

  it('sees the health of the process and of each service, by the standard protocol', async () => {
    let isServing = true;
    const { address, server } = await start({}, { isServing: () => isServing });
    const client = stranger(address);
    const check = async (service: string) => fromBinary(HealthCheckResponseSchema, await ask(client, '/grpc.health.v1.Health/Check', toBinary(HealthCheckRequestSchema, create(HealthCheckRequestSchema, { service })))).status;
    expect(await check('')).toBe(Status.SERVING);
    expect(await check(InferenceService.typeName)).toBe(Status.SERVING);
    await expect(check('sluice.none.v1.None')).rejects.toMatchObject({ code: status.NOT_FOUND });
    isServing = false;
    expect(await check('')).toBe(Status.NOT_SERVING);
    const watched = client.makeServerStreamRequest('/grpc.health.v1.Health/Watch', asBuffer, (bytes: Buffer) => fromBinary(HealthCheckResponseSchema, bytes).status, toBinary(HealthCheckRequestSchema, create(HealthCheckRequestSchema)), new Metadata());
    const seen: Status[] = [];
    for await (const state of watched) {
      seen.push(state as Status);
      if (state === Status.NOT_SERVING && isServing === false && seen.length === 1) isServing = true;
      else void server.stop(60_000);
    }
    expect(seen).toEqual([Status.NOT_SERVING, Status.SERVING, Status.NOT_SERVING]);
  });

  it('holds connections from nobody by asking nothing on them', async () => {
    const { address } = await start({ listBackends: async () => ({}) }, { connectionsLimit: 2, connectionIdleMs: 200 });
    const sessions = [connectSession(`http://${address}`), connectSession(`http://${address}`)];
    closers.push(() => sessions.forEach((session) => session.destroy()));
    await Promise.all(sessions.map(async (session) => once(session, 'connect')));
    await Promise.all(sessions.map(async (session) => once(session, 'close')));
    expect(await clientOf(address).listBackends({})).toMatchObject({ backends: [] });
  });
});
