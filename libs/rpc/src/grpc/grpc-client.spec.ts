import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, describe, expect, it } from '@jest/globals';
import { systemClock } from '@sluice/clock';
import { InferenceService } from '@sluice/proto/inference/v1/inference';
import { GrpcClient, GrpcServer, type GrpcClientOptions } from '../grpc.ts';
import type { Implementation } from '../service.ts';
import { TcpRelay } from '../testing/tcp-relay.ts';
import { WAIT_LIMIT_MS, collect, never, until } from '../testing/waiting.ts';

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

/** An instance that answers with its own name. */
async function startInstance(name: string, port = 0) {
  const server = new GrpcServer({ clock: systemClock });
  server.serve(InferenceService, {
    listBackends: async () => ({ backends: [{ deploymentId: name }] }),
    async *streamChat() { for (let count = 0; count < 3; count++) yield { events: [] }; },
  } as Partial<Implementation<typeof InferenceService>> as Implementation<typeof InferenceService>);
  const bound = await server.listen(`127.0.0.1:${port}`);
  closers.push(() => server.stop(0));
  return { server, port: bound, address: `127.0.0.1:${bound}` };
}

function clientOf(addresses: string[], options: Partial<GrpcClientOptions> = {}) {
  const client = new GrpcClient({ addresses, clock: systemClock, ...options });
  closers.push(() => client.close());
  return client.connect(InferenceService);
}

type Caller = ReturnType<typeof clientOf>;
const askName = async (client: Caller): Promise<string> => (await client.listBackends({}, { timeoutMs: 30_000 })).backends[0]!.deploymentId;

/** Which instances answer `calls` calls in a row, and how often each. */
async function spread(client: Caller, calls: number): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (let call = 0; call < calls; call++) {
    const name = await askName(client);
    counts[name] = (counts[name] ?? 0) + 1;
  }
  return counts;
}

async function untilSpread(client: Caller, expected: Record<string, number>): Promise<void> {
  const calls = Object.values(expected).reduce((sum, count) => sum + count, 0);
  const endMs = performance.now() + WAIT_LIMIT_MS;
  let seen: Record<string, number> = {};
  while (performance.now() < endMs) {
    seen = await spread(client, calls);
    if (JSON.stringify(Object.entries(seen).sort()) === JSON.stringify(Object.entries(expected).sort())) return;
    await pause(5);
  }
  expect(seen).toEqual(expected);
}

describe('several instances of a service', () => {
  it('take turns; one that dies is left out without a failed call, and taken back when it is there again', async () => {
    const [a, b, c] = [await startInstance('a'), await startInstance('b'), await startInstance('c')];
    const client = clientOf([a.address, b.address, c.address]);
    await untilSpread(client, { a: 4, b: 4, c: 4 });
    await b.server.stop(0);
    // Every one of these calls succeeds: `spread` throws at the first that does not.
    await untilSpread(client, { a: 6, c: 6 });
    await startInstance('b2', b.port);
    await untilSpread(client, { a: 4, b2: 4, c: 4 });
  });

  it('are drained one by one under load without a failed call', async () => {
    const instances = await Promise.all(['a', 'b', 'c'].map((name) => startInstance(name)));
    const client = clientOf(instances.map(({ address }) => address));
    await untilSpread(client, { a: 2, b: 2, c: 2 });
    let isOver = false;
    let calls = 0;
    const load = Array.from({ length: 8 }, async () => {
      while (!isOver) {
        await askName(client);
        expect(await collect(client.streamChat({}, { timeoutMs: 30_000 }))).toHaveLength(3);
        calls++;
      }
    });
    for (const { server } of instances.slice(0, 2)) {
      const before = calls;
      await server.stop(30_000);
      await until(() => calls > before + 50);
    }
    isOver = true;
    await Promise.all(load);
    expect(await spread(client, 5)).toEqual({ c: 5 });
  });

  it('answer while one of them was never there', async () => {
    const [gone, there] = [await startInstance('gone'), await startInstance('there')];
    await gone.server.stop(0);
    const client = clientOf([gone.address, there.address]);
    expect(await spread(client, 10)).toEqual({ there: 10 });
  });

  it('answer while one of them hangs: it is found out by its silence', async () => {
    const [hung, well] = [await startInstance('hung'), await startInstance('well')];
    const relay = await TcpRelay.open(hung.port);
    closers.push(() => relay.close());
    const client = clientOf([relay.address, well.address], { keepAliveMs: 100 });
    await untilSpread(client, { hung: 2, well: 2 });
    relay.hold();
    // A call that was given to it fails within two keep-alive periods, long before its own deadline.
    const outcomes = await Promise.allSettled(Array.from({ length: 4 }, () => askName(client)));
    expect(outcomes.filter((outcome) => outcome.status === 'rejected').every(({ reason }) => (reason as { code: string }).code === 'backend_unavailable')).toBe(true);
    expect(await spread(client, 10)).toEqual({ well: 10 });
    relay.release();
    await untilSpread(client, { hung: 2, well: 2 });
  });

  it('never serve a call twice: one that may have reached a handler is not sent again', async () => {
    let served = 0;
    const hang = { listBackends: async (_request: unknown, { signal }: { signal: AbortSignal }) => (served++, await never(signal)) };
    const relays = await Promise.all(['a', 'b'].map(async () => {
      const server = new GrpcServer({ clock: systemClock });
      closers.push(() => server.stop(0));
      server.serve(InferenceService, hang as unknown as Implementation<typeof InferenceService>);
      const relay = await TcpRelay.open(await server.listen('127.0.0.1:0'));
      closers.push(() => relay.close());
      return relay;
    }));
    const client = clientOf(relays.map(({ address }) => address));
    const outcomes = [1, 2, 3, 4].map(() => expect(client.listBackends({})).rejects.toMatchObject({ code: 'backend_unavailable' }));
    await until(() => served === 4);
    for (const relay of relays) relay.cut();
    await Promise.all(outcomes);
    expect(served).toBe(4);
  });

  it('are found by the one name they share', async () => {
    const { port } = await startInstance('a');
    expect(await askName(clientOf([`localhost:${port}`]))).toBe('a');
  });
});

describe('a client', () => {
  it('may be made before anything listens, and finds it then', async () => {
    const first = await startInstance('a');
    await first.server.stop(0);
    const client = clientOf([first.address]);
    await expect(client.listBackends({})).rejects.toMatchObject({ code: 'backend_unavailable' });
    await startInstance('b', first.port);
    const endMs = performance.now() + WAIT_LIMIT_MS;
    let name: string | undefined;
    while (name === undefined && performance.now() < endMs) name = await askName(client).catch(() => undefined);
    expect(name).toBe('b');
  });

  it('that is closed takes no more calls, and lets those under way end', async () => {
    const go = Promise.withResolvers<void>();
    let under = 0;
    const server = new GrpcServer({ clock: systemClock });
    closers.push(() => server.stop(0));
    server.serve(InferenceService, { listBackends: async () => (under++, await go.promise, {}) } as Partial<Implementation<typeof InferenceService>> as Implementation<typeof InferenceService>);
    const client = new GrpcClient({ addresses: [`127.0.0.1:${await server.listen('127.0.0.1:0')}`], clock: systemClock });
    const calls = client.connect(InferenceService);
    const running = calls.listBackends({});
    await until(() => under === 1);
    client.close();
    await expect(calls.listBackends({})).rejects.toMatchObject({ code: 'draining' });
    await expect(collect(calls.streamChat({}))).rejects.toMatchObject({ code: 'draining' });
    go.resolve();
    expect(await running).toBeDefined();
  });
});
