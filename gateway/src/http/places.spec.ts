import { connect, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from '@jest/globals';
import { systemClock, systemIds } from '@sluice/clock';
import { ServiceError } from '@sluice/errors';
import { silentLogger } from '@sluice/telemetry';
import type { Call, Principal } from '../domain/call.ts';
import { OpenCalls } from '../domain/open-calls.ts';
import type { RequestFlow } from '../domain/request-flow.ts';
import { TestHouse, until } from '../testing/house.ts';
import { chatCompletionsRoute, type CallDoor } from './chat-completions/route.ts';
import { createServer } from './server.ts';

const MIB = 1024 * 1024;
const HELLO = '{"model":"chat","messages":[{"role":"user","content":"hi"}]}';
const SUMMARY = { error: undefined, firstOutputMs: 1, durationMs: 1, inputTokens: 1, outputTokens: 1 };
const PRINCIPAL: Principal = { keyId: 'k', organisationId: 'o', projectId: 'p', models: [], keepsBodies: true };

let stop: () => Promise<void> = () => Promise.resolve();
afterEach(() => stop());

/** The route alone. What works for a call waits for `go`; a call of the model `fail` fails then, one of `lost` loses its records. */
async function serve(principalOf: CallDoor['principalOf'] = () => Promise.resolve(PRINCIPAL)) {
  const open = new OpenCalls(100, MIB);
  const { promise: gate, resolve: go } = Promise.withResolvers<void>();
  const seen: string[] = [];
  const flow = {
    run: async ({ call, abort }: { call: Call; abort: AbortController }) => {
      seen.push('run');
      await gate;
      if (call.model === 'lost') throw new ServiceError('epoch_lost', 'lost');
      const error = abort.signal.aborted ? ServiceError.from(abort.signal.reason) : call.model === 'fail' ? new ServiceError('upstream_error', 'broke') : undefined;
      return { ...SUMMARY, error };
    },
    count: () => undefined,
    refuse: async (_id: string, _principal: Principal, { model }: Call, { code }: ServiceError) => {
      seen.push(`refuse ${code}`);
      await gate;
      if (model === 'lost') throw new ServiceError('audit_log_unavailable', 'away');
    },
  } as unknown as RequestFlow;
  const figures = { ended: () => undefined, refused: () => undefined, unrecorded: () => undefined } as unknown as CallDoor['figures'];
  const server = createServer({ clock: systemClock, ids: systemIds(systemClock), logger: silentLogger, bodyLimitBytes: MIB });
  chatCompletionsRoute(server, { flow, figures, open, clock: systemClock, logger: silentLogger, principalOf });
  const url = new URL(await server.listen({ host: '127.0.0.1', port: 0 }));
  stop = () => {
    server.server.closeAllConnections();
    return server.close();
  };
  const clients: Socket[] = [];
  /** A client that asks this. */
  const ask = (...requests: string[]): { socket: Socket; text: () => string } => {
    let text = '';
    const socket = connect(Number(url.port), url.hostname).on('error', () => undefined).setEncoding('latin1').on('data', (piece: string) => (text += piece));
    socket.write(requests.join(''));
    clients.push(socket);
    return { socket, text: () => text };
  };
  const connections = (): Promise<number> => new Promise((resolve, reject) => server.server.getConnections((error, count) => (error ? reject(error) : resolve(count))));
  /** All clients go; resolves when the server has seen that. */
  const goAway = async (): Promise<void> => {
    for (const socket of clients) socket.destroy();
    await until(async () => (await connections()) === 0);
  };
  return { open, go, seen, ask, goAway, isEmpty: () => until(() => open.size === 0 && open.heldBytes === 0) };
}

const request = (body: string, announcedBytes = body.length): string => `POST /v1/chat/completions HTTP/1.1\r\nhost: sluice\r\ncontent-type: application/json\r\ncontent-length: ${announcedBytes}\r\n\r\n${body}`;
const of = (model: string, more = ''): string => HELLO.replace('"chat"', `"${model}"${more}`);

describe('the place of a call and what it holds', () => {
  it.each([
    ['answered', of('chat'), 'run'],
    ['answered in a stream', of('chat', ',"stream":true'), 'run'],
    ['failing', of('fail'), 'run'],
    ['failing in a stream', of('fail', ',"stream":true'), 'run'],
    ['losing its records', of('lost'), 'run'],
    ['refused', of('chat', ',"nonsense":1'), 'refuse unknown_parameter'],
    ['refused where that cannot be recorded', of('lost', ',"nonsense":1'), 'refuse unknown_parameter'],
  ])('are kept while it is %s, also when its client goes, and are given back then, once', async (_name, body, first) => {
    for (const leaves of [true, false]) {
      const { open, go, seen, ask, goAway, isEmpty } = await serve();
      const { text } = ask(request(body));
      await until(() => seen[0] === first);
      if (leaves) await goAway();
      expect([open.size, open.heldBytes]).toEqual([1, body.length]);
      go();
      await isEmpty();
      if (!leaves) expect(text()).toMatch(/^HTTP\/1\.1 \d/);
      open.hold(open.enter(), MIB);
      await stop();
    }
  });

  it.each([
    ['before its body', request('', 100)],
    ['in its body', request('{"model"', 100)],
  ])('are kept until it is on record that the client left %s', async (_name, asked) => {
    const { open, go, seen, ask, goAway, isEmpty } = await serve();
    ask(asked);
    await until(() => open.size === 1);
    await goAway();
    await until(() => seen[0] === 'refuse cancelled');
    expect(open.size).toBe(1);
    go();
    await isEmpty();
    expect(seen).toEqual(['refuse cancelled']);
  });

  it('are given back when the client left while its key was looked up, before and behind its body', async () => {
    for (const slow of [1, 2]) {
      const { promise: known, resolve: know } = Promise.withResolvers<Principal>();
      let lookups = 0;
      const { open, go, seen, ask, goAway, isEmpty } = await serve(() => (++lookups === slow ? known : Promise.resolve(PRINCIPAL)));
      ask(request(HELLO));
      await until(() => lookups === slow);
      await goAway();
      expect(open.size).toBe(1);
      know(PRINCIPAL);
      await until(() => seen.length > 0);
      expect([open.size, seen]).toEqual([1, ['refuse cancelled']]);
      go();
      await isEmpty();
      await stop();
    }
  });

  it('are given back by a stranger, and nothing of that is a call', async () => {
    const { seen, ask, isEmpty, open } = await serve(() => Promise.reject(new ServiceError('invalid_api_key', 'wrong')));
    const { text } = ask(request(HELLO), request(HELLO));
    await until(() => text().split('HTTP/1.1 401').length === 3);
    await isEmpty();
    expect([open.size, seen]).toEqual([0, []]);
  });

  it('are given back by every call of a connection that closes, whichever has its answer', async () => {
    const { open, go, seen, ask, goAway, isEmpty } = await serve();
    ask(request(HELLO), request(of('chat', ',"nonsense":1')), request(HELLO), request('{"model"', 100));
    await until(() => open.size === 4 && seen.length === 3);
    await goAway();
    await until(() => seen.length === 4);
    expect(open.size).toBe(4);
    go();
    await isEmpty();
    expect(seen.sort()).toEqual(['refuse cancelled', 'refuse unknown_parameter', 'run', 'run']);
  });

  it('let the process close only when the work of those is done whose clients left', async () => {
    const { open, go, seen, ask, goAway } = await serve();
    ask(request(HELLO));
    ask(request('{"model"', 100));
    await until(() => open.size === 2 && seen.length === 1);
    await goAway();
    await until(() => seen.length === 2);
    let isDrained = false;
    const drained = open.drain().then(() => (isDrained = true));
    open.abort();
    await new Promise((turn) => setImmediate(turn));
    expect(isDrained).toBe(false);
    go();
    await drained;
  });
});

describe('a log that is slow', () => {
  it('does not let those in who come for calls whose clients left, and leaves no end behind at a stop', async () => {
    const house = new TestHouse();
    const key = house.addKey('inference');
    await house.start({ SLUICE_OPEN_CALLS_LIMIT: 4, SLUICE_DRAIN_LIMIT_MS: 60_000 });
    const { promise: gate, resolve: go } = Promise.withResolvers<void>();
    house.beforeAppend = () => gate;
    const post = (signal: AbortSignal | null = null) => fetch(`${house.url}/v1/chat/completions`, { method: 'POST', signal, headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' }, body: HELLO });
    for (let call = 1; call <= 4; call++) {
      const leave = new AbortController();
      const left = post(leave.signal).catch(() => undefined);
      await until(() => house.calls.length === call);
      leave.abort();
      await left;
    }
    // Strangers hear at once that the place is not there; who has a key hears it when that is on record.
    const stranger = await fetch(`${house.url}/v1/chat/completions`, { method: 'POST', headers: { authorization: 'Bearer nobody', 'content-type': 'application/json' }, body: HELLO });
    expect(stranger.status).toBe(503);
    await stranger.text();
    go();
    await house.stop();
    const kinds = house.records().map(({ kind }) => kind);
    expect(kinds.filter((kind) => kind === 'completed')).toHaveLength(4);
    expect(house.calls).toHaveLength(4);
  });
});
