import { Client, Metadata, credentials } from '@grpc/grpc-js';
import { afterEach, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { ManualClock, systemClock } from '@sluice/clock';
import { GRPCInferenceService } from '@sluice/proto/kserve';
import { GrpcClient, GrpcServer, type GrpcClientOptions, type GrpcServerOptions } from '../../grpc.ts';
import type { HandlerContext, Implementation } from '../../service.ts';
import { untilExchanged } from '../../testing/exchange.ts';
import { TcpRelay } from '../../testing/tcp-relay.ts';
import { collect, never, until } from '../../testing/waiting.ts';
import { asBuffer, asIs } from '../bytes.ts';
import { EXCHANGE_PATH, FRAME, joinFrames } from './frame.ts';
import { encodeOpen } from './payloads.ts';

type Infer = Implementation<typeof GRPCInferenceService>['modelStreamInfer'];

const PATH = `/${GRPCInferenceService.typeName}/ModelStreamInfer`;
const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function start(modelStreamInfer: Infer, options: Partial<GrpcServerOptions> = {}) {
  const server = new GrpcServer({ clock: systemClock, exchanges: true, ...options });
  server.serve(GRPCInferenceService, { modelStreamInfer } as Partial<Implementation<typeof GRPCInferenceService>> as Implementation<typeof GRPCInferenceService>);
  const port = await server.listen('127.0.0.1:0');
  closers.push(() => server.stop(0));
  return { server, port, address: `127.0.0.1:${port}` };
}

function clientOf(addresses: string[], options: Partial<GrpcClientOptions> = {}) {
  const client = new GrpcClient({ addresses, clock: systemClock, exchanges: true, ...options });
  closers.push(() => client.close());
  const { modelStreamInfer } = client.connect(GRPCInferenceService);
  /** The ids of what is answered to requests with these ids. */
  const ask = async (...ids: string[]) => (await collect(modelStreamInfer((async function* () { for (const id of ids) yield { id }; })()))).map(({ inferResponse }) => inferResponse!.id);
  return { client, ask, modelStreamInfer };
}

/** grpc-js itself says who asks in the metadata of a stream. */
const isAlone = ({ metadata }: HandlerContext): boolean => metadata['user-agent'] !== undefined;
const named = (name: string): Infer => async function* (requests, context) {
  for await (const { id } of requests) yield { inferResponse: { id: `${name}${id}${isAlone(context) ? ' alone' : ''}` } };
};

describe('calls both ways', () => {
  it('share a stream once there is one, whatever their number and length', async () => {
    const { address } = await start(named(''));
    const { client, ask } = clientOf([address]);
    expect(await ask('first')).toEqual(['first alone']);
    await untilExchanged(client);
    expect(await Promise.all(Array.from({ length: 200 }, (_, call) => ask(`${call}`, 'b')))).toEqual(Array.from({ length: 200 }, (_, call) => [`${call}`, 'b']));
    const long = 'x'.repeat(1_000_000);
    expect(await ask(long, 'short', long)).toEqual([long, 'short', long]);
  });

  it('have streams of their own with a server that knows no other', async () => {
    const { address } = await start(named(''), { exchanges: false });
    const { client, ask } = clientOf([address]);
    for (let call = 0; call < 10; call++) expect(await ask('a')).toEqual(['a alone']);
    expect(client.exchanges).toBe(0);
  });

  it('go round among the instances, and leave one that stops without a failed call', async () => {
    const instances = await Promise.all(['a', 'b'].map((name) => start(named(name))));
    const { client, ask } = clientOf(instances.map(({ address }) => address));
    await untilExchanged(client, 2);
    expect((await Promise.all(Array.from({ length: 10 }, () => ask('')))).flat().sort()).toEqual([...Array<string>(5).fill('a'), ...Array<string>(5).fill('b')]);
    let [isOver, calls] = [false, 0];
    const load = Array.from({ length: 8 }, async () => {
      while (!isOver) {
        expect(await ask('1', '2')).toHaveLength(2);
        calls++;
      }
    });
    await instances[0]!.server.stop(30_000);
    const before = calls;
    await until(() => calls > before + 50);
    isOver = true;
    await Promise.all(load);
    expect(await ask('')).toEqual(['b']);
  });

  it('end on an instance that stops; what it is asked then goes to another', async () => {
    const go = Promise.withResolvers<void>();
    let under = 0;
    const slow = await start(async function* () { under++; await go.promise; yield { inferResponse: { id: 'slow' } }; });
    const { client, ask } = clientOf([slow.address]);
    await untilExchanged(client);
    await until(() => under > 0);
    const before = under;
    const running = ask('1');
    await until(() => under > before);
    const stopped = slow.server.stop(60_000);
    await expect(ask('2')).rejects.toMatchObject({ code: 'backend_unavailable' });
    expect(under).toBe(before + 1);
    go.resolve();
    expect(await running).toEqual(['slow']);
    await stopped;
  });

  it('are never served twice: those of a connection that is cut fail, and the next find another', async () => {
    let served = 0;
    const hang: Infer = async function* (requests, { signal }) { for await (const { id } of requests) { if (id === 'hang') { served++; await never(signal); } yield { inferResponse: { id } }; } };
    const { port } = await start(hang);
    const relay = await TcpRelay.open(port);
    closers.push(() => relay.close());
    const { client, ask } = clientOf([relay.address]);
    await untilExchanged(client);
    const outcomes = [1, 2, 3].map(() => expect(ask('hang')).rejects.toMatchObject({ code: 'backend_unavailable' }));
    await until(() => served === 3);
    relay.cut();
    await Promise.all(outcomes);
    await until(() => client.exchanges === 0);
    await untilExchanged(client);
    expect(await ask('a')).toEqual(['a']);
    expect(served).toBe(3);
  });

  it('leave a stream that is old, which ends with the last of them', async () => {
    const clock = new ManualClock();
    const { address } = await start(named(''));
    const { client, modelStreamInfer } = clientOf([address], { clock });
    await untilExchanged(client);
    const go = Promise.withResolvers<void>();
    const answers = modelStreamInfer((async function* () { yield { id: '1' }; await go.promise; yield { id: '2' }; })())[Symbol.asyncIterator]();
    expect((await answers.next()).value?.inferResponse?.id).toBe('1');
    clock.advance(10_000);
    expect(client.exchanges).toBe(0);
    go.resolve();
    expect((await answers.next()).value?.inferResponse?.id).toBe('2');
    await untilExchanged(client);
  });

  it('that nobody serves fail', async () => {
    const server = new GrpcServer({ clock: systemClock, exchanges: true });
    closers.push(() => server.stop(0));
    const { client, ask } = clientOf([`127.0.0.1:${await server.listen('127.0.0.1:0')}`]);
    await untilExchanged(client);
    await expect(ask('a')).rejects.toMatchObject({ code: 'backend_unavailable' });
  });

  it('that would go elsewhere when their client is closed fail, and harm no other', async () => {
    const { address, server } = await start(named(''));
    const { client, ask, modelStreamInfer } = clientOf([address]);
    await untilExchanged(client);
    const go = Promise.withResolvers<void>();
    const answers = modelStreamInfer((async function* () { yield { id: '1' }; await go.promise; yield { id: '2' }; })())[Symbol.asyncIterator]();
    await answers.next();
    void server.stop(60_000);
    const refused = expect(ask('a')).rejects.toMatchObject({ code: 'draining' });
    client.close();
    await refused;
    go.resolve();
    expect((await answers.next()).value?.inferResponse?.id).toBe('2');
  });

  it('of one that is closed end, and no more begin', async () => {
    const { address } = await start(named(''));
    const { client, ask, modelStreamInfer } = clientOf([address]);
    await untilExchanged(client);
    const go = Promise.withResolvers<void>();
    const answers = modelStreamInfer((async function* () { yield { id: '1' }; await go.promise; yield { id: '2' }; })())[Symbol.asyncIterator]();
    await answers.next();
    client.close();
    await expect(ask('a')).rejects.toMatchObject({ code: 'draining' });
    go.resolve();
    expect((await answers.next()).value?.inferResponse?.id).toBe('2');
  });
});

describe('a caller that sends what it may not', () => {
  const raw = (address: string) => {
    const client = new Client(address, credentials.createInsecure());
    closers.push(() => client.close());
    const stream = client.makeBidiStreamRequest(EXCHANGE_PATH, asBuffer, asIs, new Metadata(), {});
    const ended = new Promise<number>((resolve) => stream.on('status', ({ code }: { code: number }) => resolve(code)));
    stream.on('error', () => undefined);
    stream.resume();
    return { stream, ended };
  };

  it('loses its stream, and harms no other', async () => {
    const { address } = await start(named(''));
    const { client, ask } = clientOf([address]);
    await untilExchanged(client);
    await fc.assert(fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 100 }), async (bytes) => {
      const { stream, ended } = raw(address);
      stream.write(bytes);
      stream.end();
      expect([0, 13]).toContain(await ended);
      expect(await ask('a')).toEqual(['a']);
    }), { numRuns: 50 });
  });

  it.each([
    ['begins two calls under one number', [{ kind: FRAME.open, id: 1, payload: encodeOpen(PATH, {}) }, { kind: FRAME.open, id: 1, payload: encodeOpen(PATH, {}) }]],
    ['sends pieces of nothing without end', [{ kind: FRAME.open, id: 1, payload: encodeOpen(PATH, {}) }, ...Array.from({ length: 1_001 }, () => ({ kind: FRAME.piece, id: 1, payload: new Uint8Array() }))]],
  ])('and %s, loses its stream', async (_what, frames) => {
    const { address } = await start(async function* (_requests, { signal }) { yield {}; await never(signal); }, { messageLimitBytes: 1_000 });
    const { stream, ended } = raw(address);
    for (const frame of frames) stream.write(joinFrames([frame]));
    expect(await ended).toBe(13);
  });

  it('cannot fill the memory of a server whose handler does not read', async () => {
    const { address } = await start(async function* (_requests, { signal }) { yield {}; await never(signal); }, { messageLimitBytes: 100_000 });
    const { stream, ended } = raw(address);
    const message = new Uint8Array(50_000);
    stream.write(joinFrames([{ kind: FRAME.open, id: 1, payload: encodeOpen(PATH, {}) }]));
    for (let count = 0; count < 10; count++) stream.write(joinFrames([{ kind: FRAME.message, id: 1, payload: message }]));
    expect(await ended).toBe(13);
  });
});
