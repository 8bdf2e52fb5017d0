import { connect, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from '@jest/globals';
import { ManualClock, systemIds } from '@sluice/clock';
import { ServiceError } from '@sluice/errors';
import { silentLogger } from '@sluice/telemetry';
import type { Call } from '../domain/call.ts';
import { OpenCalls } from '../domain/open-calls.ts';
import type { RequestFlow } from '../domain/request-flow.ts';
import { UPLOAD_LIMIT_MS, UPLOAD_WINDOW_MS } from '../domain/upload-pace.ts';
import { until } from '../testing/house.ts';
import { chatCompletionsRoute, type CallDoor } from './chat-completions/route.ts';
import { BODY_LIMIT_BYTES } from './limits.ts';
import { createServer } from './server.ts';
import { LOOK_EVERY_MS, PIECE_BYTES } from './uploads.ts';

const MIB = 1024 * 1024;
const HELLO = '{"model":"chat","messages":[{"role":"user","content":"hi"}]}';

let stop: () => Promise<void> = () => Promise.resolve();
afterEach(() => stop());

interface Talk {
  readonly socket: Socket;
  text: string;
  isClosed: boolean;
}

function talk(url: string, headers: string): Talk {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  const seen: Talk = { socket, text: '', isClosed: false };
  socket.setEncoding('latin1').on('data', (text: string) => (seen.text += text)).on('error', () => undefined).on('close', () => (seen.isClosed = true));
  socket.write(`POST /v1/chat/completions HTTP/1.1\r\nhost: sluice\r\ncontent-type: application/json\r\n${headers}\r\n`);
  return seen;
}

const answered = (seen: Talk) => until(() => /\r\n\r\n.*\}$/s.test(seen.text));
const errorOf = (seen: Talk) => ({ status: Number(seen.text.slice(9, 12)), ...(JSON.parse(seen.text.split('\r\n\r\n')[1]!) as { error: object }).error });

/** The route alone, so that what it holds and the time can be seen. A call whose model is `fail` fails, others are answered. */
async function serve(heldLimitBytes: number) {
  const clock = new ManualClock();
  const open = new OpenCalls(100, heldLimitBytes);
  const refusals: { code: string; choices: number }[] = [];
  const summary = { firstOutputMs: 1, durationMs: 1, inputTokens: 1, outputTokens: 1 };
  let heldAtRunBytes = 0;
  const flow = {
    run: ({ call }: { call: Call }) => {
      heldAtRunBytes = open.heldBytes;
      return Promise.resolve({ ...summary, error: call.model === 'fail' ? new ServiceError('upstream_error', 'broke') : undefined });
    },
    count: () => undefined,
    refuse: (_id: string, _principal: unknown, { choices }: Call, { code }: ServiceError) => Promise.resolve(void refusals.push({ code, choices })),
  } as unknown as RequestFlow;
  const figures = { ended: () => undefined, refused: () => undefined, unrecorded: () => undefined } as unknown as CallDoor['figures'];
  const principal = { keyId: 'k', organisationId: 'o', projectId: 'p', models: [], keepsBodies: true };
  const server = createServer({ clock, ids: systemIds(clock), logger: silentLogger, bodyLimitBytes: BODY_LIMIT_BYTES });
  chatCompletionsRoute(server, { flow, figures, open, clock, logger: silentLogger, principalOf: () => Promise.resolve(principal) });
  const url = await server.listen({ host: '127.0.0.1', port: 0 });
  stop = () => {
    server.server.closeAllConnections();
    return server.close();
  };
  /** Passes this much time in steps in which bodies are looked at. */
  const pass = (ms: number): void => {
    for (let left = ms; left > 0; left -= LOOK_EVERY_MS) clock.advance(LOOK_EVERY_MS);
  };
  return { url, open, refusals, pass, heldAtRunBytes: () => heldAtRunBytes };
}

describe('a body on its way in', () => {
  it('takes nothing for what is only announced: many slow ones do not hinder a call', async () => {
    const { url, open } = await serve(12 * MIB);
    const announcing = [`content-length: ${BODY_LIMIT_BYTES}\r\n`, 'transfer-encoding: chunked\r\n'];
    const slow = Array.from({ length: 60 }, (_, index) => talk(url, announcing[index % 2]!));
    for (const [index, { socket }] of slow.entries()) socket.write(index % 2 === 0 ? '{"model":' : '9\r\n{"model":\r\n');
    await until(() => open.heldBytes === 60 * (9 + PIECE_BYTES));
    for (let round = 0; round < 5; round++) {
      const response = await fetch(`${url}/v1/chat/completions`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: HELLO });
      expect([response.status, (await response.json() as { object: string }).object]).toEqual([200, 'chat.completion']);
    }
    expect(slow.some(({ isClosed, text }) => isClosed || text !== '')).toBe(false);
    for (const { socket } of slow) socket.destroy();
    await until(() => open.heldBytes === 0 && open.size === 0);
  });

  it('is held as it arrives, whole as long as the call runs, and given back when the call is answered or fails', async () => {
    const { url, open, heldAtRunBytes } = await serve(MIB);
    for (const [model, status] of [['chat', 200], ['fail', 502]] as const) {
      const body = HELLO.replace('chat', model);
      const seen = talk(url, `content-length: ${body.length}\r\n`);
      seen.socket.write(body.slice(0, 20));
      await until(() => open.heldBytes === 20 + PIECE_BYTES);
      seen.socket.write(body.slice(20, 30));
      await until(() => open.heldBytes === 30 + 2 * PIECE_BYTES);
      seen.socket.write(body.slice(30));
      await answered(seen);
      expect([seen.text.slice(9, 12), heldAtRunBytes()]).toEqual([String(status), body.length]);
      await until(() => open.heldBytes === 0 && open.size === 0);
      seen.socket.destroy();
    }
  });

  it('is refused in the middle when there is no room for more, is told when to try again, and gives back what it held', async () => {
    const { url, open, refusals } = await serve(MIB);
    const first = talk(url, `content-length: ${BODY_LIMIT_BYTES}\r\n`);
    first.socket.write(Buffer.alloc(MIB / 2, ' '));
    await until(() => open.heldBytes > MIB / 2);
    const second = talk(url, `content-length: ${BODY_LIMIT_BYTES}\r\n`);
    second.socket.write(Buffer.alloc(MIB, ' '));
    await answered(second);
    expect(errorOf(second)).toEqual({ status: 503, message: expect.any(String), type: 'service_unavailable_error', param: null, code: 'server_is_overloaded' });
    expect(second.text).toMatch(/\r\nretry-after: 1\r\n/);
    expect(refusals).toEqual([{ code: 'overloaded', choices: 0 }]);
    await until(() => open.size === 1);
    expect(open.heldBytes).toBeLessThan(MIB);
    expect(first.text).toBe('');
    first.socket.destroy();
    await until(() => open.heldBytes === 0 && open.size === 0);
  });

  it('counts its pieces: as many as it has bytes take more room than the bytes', async () => {
    const { url, open } = await serve(MIB);
    const seen = talk(url, 'transfer-encoding: chunked\r\n');
    seen.socket.write('1\r\n \r\n'.repeat(Math.ceil(MIB / PIECE_BYTES)));
    await answered(seen);
    expect(errorOf(seen)).toMatchObject({ status: 503, code: 'server_is_overloaded' });
    seen.socket.destroy();
    await until(() => open.heldBytes === 0 && open.size === 0);
  });

  it('is refused when it is larger than it may be, without a word of its length too, with nothing of it understood', async () => {
    const { url, open, refusals } = await serve(100 * MIB);
    const [announced, chunked] = [talk(url, `content-length: ${BODY_LIMIT_BYTES + 1}\r\n`), talk(url, 'transfer-encoding: chunked\r\n')];
    for (let sent = 0; sent <= BODY_LIMIT_BYTES; sent += MIB) chunked!.socket.write(`${MIB.toString(16)}\r\n${' '.repeat(MIB)}\r\n`);
    await Promise.all([answered(announced!), answered(chunked!)]);
    for (const seen of [announced!, chunked!]) expect(errorOf(seen)).toMatchObject({ status: 413, code: 'request_too_large' });
    expect(refusals).toEqual([{ code: 'request_too_large', choices: 0 }, { code: 'request_too_large', choices: 0 }]);
    announced!.socket.destroy();
    chunked!.socket.destroy();
    await until(() => open.heldBytes === 0 && open.size === 0);
  });

  it('gives back what it held when its client leaves, and that is on record', async () => {
    const { url, open, refusals } = await serve(MIB);
    const seen = talk(url, `content-length: ${MIB}\r\n`);
    seen.socket.write('{"model":');
    await until(() => open.heldBytes > 0);
    seen.socket.destroy();
    await until(() => open.heldBytes === 0 && open.size === 0 && refusals.length > 0);
    expect(refusals).toEqual([{ code: 'cancelled', choices: 0 }]);
  });

  it('is refused when it stands still or takes too long, and holds nothing any more', async () => {
    const { url, open, refusals, pass } = await serve(MIB);
    const seen = [talk(url, `content-length: ${MIB}\r\n`), talk(url, `content-length: ${MIB}\r\n`)];
    for (const { socket } of seen) socket.write(Buffer.alloc(10_000, ' '));
    await until(() => open.heldBytes >= 20_000);
    for (let passedMs = 0; passedMs < UPLOAD_LIMIT_MS; passedMs += UPLOAD_WINDOW_MS) {
      const before = open.heldBytes;
      seen[0]!.socket.write(Buffer.alloc(10_000, ' '));
      await until(() => open.heldBytes >= before + 10_000);
      pass(UPLOAD_WINDOW_MS);
      await until(() => (passedMs < UPLOAD_WINDOW_MS ? open.size === 2 : seen[1]!.text !== ''));
    }
    pass(UPLOAD_WINDOW_MS);
    await Promise.all(seen.map(answered));
    for (const one of seen) expect(errorOf(one)).toMatchObject({ status: 408, code: 'request_timeout' });
    expect(refusals.map(({ code }) => code)).toEqual(['request_timeout', 'request_timeout']);
    await until(() => open.heldBytes === 0 && open.size === 0);
    for (const { socket } of seen) socket.destroy();
  });

  it('is ended when the process closes, and is on record', async () => {
    const { url, open, refusals, pass } = await serve(MIB);
    const seen = talk(url, `content-length: ${MIB}\r\n`);
    seen.socket.write('{"model":');
    await until(() => open.heldBytes > 0);
    const drained = open.drain();
    open.abort();
    pass(LOOK_EVERY_MS);
    await answered(seen);
    expect(errorOf(seen)).toMatchObject({ status: 503, code: 'server_is_draining' });
    expect(refusals).toEqual([{ code: 'draining', choices: 0 }]);
    await drained;
  });
});
