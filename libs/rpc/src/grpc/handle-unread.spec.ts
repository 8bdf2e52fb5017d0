import { once } from 'node:events';
import { connect, constants, type ClientHttp2Session, type ClientHttp2Stream, type IncomingHttpHeaders } from 'node:http2';
import { connect as connectSocket } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { afterEach, describe, expect, it } from '@jest/globals';
import { ManualClock, systemClock } from '@sluice/clock';
import { ServiceError } from '@sluice/errors';
import { GRPCInferenceService, ModelReadyRequestSchema, ModelReadyResponseSchema } from '@sluice/proto/kserve';
import { FRAME_BYTES, GrpcClient, GrpcServer, unframed, type GrpcServerOptions, type UnreadCall, type UnreadImplementation } from '../grpc.ts';
import { never, until } from '../testing/waiting.ts';

const PATH = `/${GRPCInferenceService.typeName}/ModelReady`;
const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function start(modelReady: (call: UnreadCall) => Promise<{ ready: boolean }>, options: Partial<GrpcServerOptions> = {}, stallLimitMs = 60_000): Promise<number> {
  const server = new GrpcServer({ clock: systemClock, ...options });
  const refuse = () => Promise.reject(new ServiceError('method_not_supported', 'Not here.'));
  const implementation = Object.fromEntries(GRPCInferenceService.methods.map(({ localName }) => [localName, refuse]));
  server.serveUnread(GRPCInferenceService, { ...implementation, modelReady } as UnreadImplementation<typeof GRPCInferenceService>, stallLimitMs);
  closers.push(() => server.stop(0));
  return server.listen('127.0.0.1:0');
}

/** HTTP/2 alone: what no library of gRPC would do can be done. */
function session(port: number): ClientHttp2Session {
  const opened = connect(`http://127.0.0.1:${port}`, { maxSessionMemory: 100 });
  opened.on('error', () => undefined);
  closers.push(() => opened.destroy());
  return opened;
}

function call(over: ClientHttp2Session, headers: Record<string, string> = {}): ClientHttp2Stream {
  const stream = over.request({ ':method': 'POST', ':path': PATH, 'content-type': 'application/grpc', te: 'trailers', ...headers });
  stream.on('error', () => undefined);
  return stream;
}

/** The status of a call, wherever it stands: with an answer behind it, else in its headers. */
async function statusOf(stream: ClientHttp2Stream): Promise<IncomingHttpHeaders> {
  const trailers = once(stream, 'trailers').then(([given]) => given as IncomingHttpHeaders);
  const [headers] = (await once(stream, 'response')) as [IncomingHttpHeaders];
  return headers['grpc-status'] === undefined ? trailers : (void trailers.catch(() => undefined), headers);
}

function framed(message: Uint8Array, flag = 0): Buffer {
  const head = Buffer.from([flag, 0, 0, 0, 0]);
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
}

const ASKED = toBinary(ModelReadyRequestSchema, create(ModelReadyRequestSchema, { name: 'a model' }));
/** Many windows. */
const BIG = framed(new Uint8Array(4 * 1024 * 1024));
const readAll = async ({ body }: UnreadCall): Promise<Uint8Array> => unframed(await buffer(body));

describe('a call that was not read', () => {
  it('is read by its handler, and answered with what else there is to say', async () => {
    const port = await start(async (given) => {
      const { name } = fromBinary(ModelReadyRequestSchema, await readAll(given));
      given.trailers['x-asked'] = `${name}, by ${given.metadata['x-who']}`;
      return { ready: true };
    });
    const client = new GrpcClient({ addresses: [`127.0.0.1:${port}`], clock: systemClock });
    closers.push(() => client.close());
    expect(await client.connect(GRPCInferenceService).modelReady({ name: 'a model' })).toMatchObject({ ready: true });
    const stream = call(session(port), { 'x-who': 'me' });
    stream.end(framed(ASKED));
    const [status, answer] = await Promise.all([statusOf(stream), buffer(stream)]);
    expect(status).toMatchObject({ 'grpc-status': '0', 'x-asked': 'a model, by me' });
    expect(fromBinary(ModelReadyResponseSchema, answer.subarray(FRAME_BYTES))).toMatchObject({ ready: true });
  });

  it('is refused, with an error and what else there is to say, when its client has sent nothing and never ends', async () => {
    const port = await start(async ({ trailers }) => {
      trailers['retry-after'] = '7';
      throw new ServiceError('missing_api_key', 'Who are you?');
    });
    const stream = call(session(port));
    expect(await statusOf(stream)).toMatchObject({ 'grpc-status': '16', 'grpc-message': 'Who%20are%20you?', 'retry-after': '7', 'sluice-error-bin': expect.any(String) });
    expect(stream.writableEnded).toBe(false);
  });

  it.each([['with an error', false], ['with an answer', true]])('that ended %s is cut when its client goes on sending for seconds', async (_how, isAnswered) => {
    const clock = new ManualClock();
    const port = await start(async () => {
      if (!isAnswered) throw new ServiceError('missing_api_key', 'Who are you?');
      return { ready: true };
    }, { clock });
    const stream = call(session(port));
    stream.resume();
    expect(await statusOf(stream)).toMatchObject({ 'grpc-status': isAnswered ? '0' : '16' });
    clock.advance(4_000);
    expect(await new Promise((resolve) => stream.write('more', (error) => resolve(error)))).toBeFalsy();
    expect(stream.closed).toBe(false);
    const closed = once(stream, 'close');
    clock.advance(1_000);
    await closed;
  });

  it('that was refused in the midst of its message leaves the connection to others', async () => {
    const port = await start(async (given) => {
      if (given.metadata['x-who'] === undefined) throw new ServiceError('missing_api_key', 'Who are you?');
      return { ready: (await readAll(given)).length === BIG.length - FRAME_BYTES };
    }, { clock: new ManualClock() });
    const over = session(port);
    for (let count = 0; count < 5; count++) {
      const stream = call(over);
      stream.end(BIG);
      expect(await statusOf(stream)).toMatchObject({ 'grpc-status': '16' });
    }
    const last = call(over, { 'x-who': 'me' });
    last.end(BIG);
    const [status, answer] = await Promise.all([statusOf(last), buffer(last)]);
    expect([status['grpc-status'], fromBinary(ModelReadyResponseSchema, answer.subarray(FRAME_BYTES)).ready]).toEqual(['0', true]);
  });

  it('stays with its client, but for a window, until it is read', async () => {
    const [asked, go] = [Promise.withResolvers<UnreadCall>(), Promise.withResolvers<void>()];
    const port = await start(async (given) => (asked.resolve(given), await go.promise, await buffer(given.body), { ready: true }));
    const stream = call(session(port));
    stream.end(BIG);
    const { body } = await asked.promise;
    await until(() => body.readableLength > 0);
    for (let turn = 0; turn < 200; turn++) await nextTurn();
    // What was taken from the window, and a window.
    expect(body.readableLength).toBeLessThanOrEqual(2 * 65_535);
    expect(stream.writableFinished).toBe(false);
    go.resolve();
    expect(await statusOf(stream)).toMatchObject({ 'grpc-status': '0' });
  });

  it('is over when its client takes nothing of the answer', async () => {
    const bodies: UnreadCall['body'][] = [];
    const server = new GrpcServer({ clock: systemClock });
    closers.push(() => server.stop(0));
    const modelMetadata = async ({ body }: UnreadCall) => (bodies.push(body), { platform: 'x'.repeat(BIG.length) });
    server.serveUnread(GRPCInferenceService, Object.fromEntries(GRPCInferenceService.methods.map(({ localName }) => [localName, modelMetadata])) as unknown as UnreadImplementation<typeof GRPCInferenceService>, 100);
    const stream = call(session(await server.listen('127.0.0.1:0')), { ':path': `/${GRPCInferenceService.typeName}/ModelMetadata` });
    stream.end();
    await until(() => bodies[0]?.closed === true);
    expect(bodies[0]!.writableFinished).toBe(false);
    if (!stream.closed) await once(stream, 'close');
    expect(stream.rstCode).toBe(constants.NGHTTP2_CANCEL);
  });

  it('ends when its client leaves, and at the deadline that its client set', async () => {
    const signals: AbortSignal[] = [];
    const port = await start(async ({ signal }) => (signals.push(signal), await never(signal)));
    const over = session(port);
    const left = call(over);
    await until(() => signals.length === 1);
    left.close(constants.NGHTTP2_CANCEL);
    await until(() => signals[0]!.aborted);
    expect(signals[0]!.reason).toMatchObject({ code: 'cancelled' });
    expect(await statusOf(call(over, { 'grpc-timeout': '50m' }))).toMatchObject({ 'grpc-status': '4' });
    await until(() => signals.length === 2 && signals[1]!.aborted);
  });

  it.each<[string, Buffer]>([
    ['no message', Buffer.alloc(0)],
    ['a part of a frame', Buffer.alloc(FRAME_BYTES - 1)],
    ['a part of a message', framed(ASKED).subarray(0, -1)],
    ['two messages', Buffer.concat([framed(ASKED), framed(ASKED)])],
    ['a compressed message', framed(ASKED, 1)],
  ])('is refused for %s', async (_what, bytes) => {
    const port = await start(async (given) => (await readAll(given), { ready: true }));
    const stream = call(session(port));
    stream.end(bytes);
    expect(await statusOf(stream)).toMatchObject({ 'grpc-status': '3' });
  });
});

describe('a server that strangers call', () => {
  it('takes no more connections, calls on one of them and bytes of what it reads by itself than it was told', async () => {
    const port = await start(async () => ({ ready: true }), { connectionsLimit: 1, streamsLimit: 3, receiveLimitBytes: 100, messageLimitBytes: 1_000_000 });
    const over = session(port);
    await once(over, 'remoteSettings');
    expect(over.remoteSettings.maxConcurrentStreams).toBe(3);
    const checked = call(over, { ':path': '/grpc.health.v1.Health/Check' });
    checked.end(framed(new Uint8Array(101)));
    expect(await statusOf(checked)).toMatchObject({ 'grpc-status': '8' });
    const second = connectSocket(port, '127.0.0.1');
    second.on('error', () => undefined);
    second.resume();
    await once(second, 'close');
    const first = call(over);
    expect(await statusOf(first)).toMatchObject({ 'grpc-status': '0' });
  });
});
