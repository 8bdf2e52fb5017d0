import { createServer, get, type IncomingMessage, type ServerResponse } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from '@jest/globals';
import { ManualClock } from '@sluice/clock';
import { ServiceError } from '@sluice/errors';
import { until } from '../testing/house.ts';
import { CLIENT_STALL_LIMIT_MS } from './limits.ts';
import { SseWriter } from './sse-writer.ts';

/** Serves one response by a writer; gives what the client got of it. */
async function serve(clock: ManualClock, write: (sse: SseWriter, response: ServerResponse) => unknown, read: (message: IncomingMessage) => Promise<string> = readAll): Promise<string> {
  const server = createServer((_request, response) => void write(new SseWriter(response, { 'x-request-id': 'r' }, clock), response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  try {
    const message = await new Promise<IncomingMessage>((resolve, reject) => get({ port: (server.address() as AddressInfo).port, host: '127.0.0.1', agent: false }, resolve).on('error', reject));
    return await read(message);
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

async function readAll(message: IncomingMessage): Promise<string> {
  let text = '';
  for await (const part of message) text += (part as Buffer).toString();
  return text;
}

let close: () => unknown = () => undefined;
afterEach(() => void close());

interface Pipeline {
  readonly responses: ServerResponse[];
  readonly writers: SseWriter[];
  readonly client: Socket;
  /** All that the client has read. */
  text(): string;
}

/** Two requests in one write on one connection, whose client reads nothing until it is resumed. */
async function pipeline(clock: ManualClock): Promise<Pipeline> {
  const responses: ServerResponse[] = [];
  const writers: SseWriter[] = [];
  const server = createServer((_request, response) => (responses.push(response), writers.push(new SseWriter(response, {}, clock))));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const parts: string[] = [];
  const client = connect((server.address() as AddressInfo).port, '127.0.0.1').setEncoding('latin1').on('data', (part: string) => parts.push(part)).on('error', () => undefined);
  close = () => (client.destroy(), server.closeAllConnections(), server.close());
  client.pause();
  client.write('GET /1 HTTP/1.1\r\nhost: a\r\n\r\n'.repeat(2));
  await until(() => responses.length === 2);
  return { responses, writers, client, text: () => parts.join('') };
}

/** Together more than the kernel's buffers of both ends. */
const PIECE = 'x'.repeat(50_000);
const PIECES = 400;

/** Writes a stream as a call does: piece by piece, waiting whenever it is told to. Gives how often it was. */
async function writeAll(sse: SseWriter, name: string): Promise<number> {
  let waits = 0;
  for (let sent = 0; sent < PIECES; sent++) {
    sse.write(`data: ${name}${sent} ${PIECE}\n\n`);
    await turn();
    const drained = sse.drained();
    if (drained) waits++;
    await drained;
  }
  sse.end();
  return waits;
}

/** The body of a response in chunks (RFC 9112, section 7.1). */
function unchunked(message: string): string {
  let at = message.indexOf('\r\n\r\n') + 4;
  let body = '';
  for (let size = -1; size !== 0; ) {
    const line = message.indexOf('\r\n', at);
    size = Number.parseInt(message.slice(at, line), 16);
    body += message.slice(line + 2, line + 2 + size);
    at = line + 4 + size;
  }
  return body;
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

describe('server-sent events', () => {
  it('arrive whole and in order, however they were written', async () => {
    const lines = Array.from({ length: 200 }, (_, index) => `data: {"n":${index},"text":"é€😀"}\n\n`);
    const text = await serve(new ManualClock(), async (sse) => {
      for (const [index, line] of lines.entries()) {
        sse.write(line);
        if (index % 3 === 0) await turn();
      }
      sse.end();
    });
    expect(text).toBe(lines.join(''));
  });

  it('end with an error event when the answer broke off', async () => {
    const text = await serve(new ManualClock(), (sse) => {
      sse.write('data: 1\n\n');
      sse.fail(new ServiceError('upstream_error', 'broke off'));
    });
    expect(text).toBe('data: 1\n\ndata: {"error":{"message":"broke off","type":"server_error","param":null,"code":"upstream_error"}}\n\n');
  });

  it('say when the client does not keep up, and again when it does', async () => {
    let sent = 0;
    let blocked = false;
    const text = await serve(new ManualClock(), async (sse) => {
      for (; sent < 2_000; sent++) {
        sse.write(`data: ${'x'.repeat(10_000)}\n\n`);
        await turn();
        blocked ||= sse.drained() !== undefined;
        await sse.drained();
      }
      sse.end();
    }, async (message) => {
      await until(() => blocked);
      return readAll(message);
    });
    expect(text.length).toBe(2_000 * 10_008);
  });

  it('give up a client that reads nothing', async () => {
    const clock = new ManualClock();
    let closed = false;
    await serve(clock, async (sse, response) => {
      response.on('close', () => (closed = true));
      while (!sse.drained()) {
        sse.write(`data: ${'x'.repeat(100_000)}\n\n`);
        await turn();
      }
      clock.advance(CLIENT_STALL_LIMIT_MS);
    }, async (message) => {
      message.on('error', () => undefined).pause();
      await until(() => closed);
      return '';
    });
    expect(closed).toBe(true);
  });

  it('arrive whole and in order on a connection whose client sent its next request before, however slowly it reads', async () => {
    const { writers, client, text } = await pipeline(new ManualClock());
    const [first, second] = writers as [SseWriter, SseWriter];
    const written = Promise.all([writeAll(first, 'a'), writeAll(second, 'b')]);
    await until(() => first.drained() !== undefined && second.drained() !== undefined);
    let ended = false;
    void written.then(() => (ended = true));
    while (!ended) {
      client.resume();
      await turn();
      client.pause();
      await turn();
    }
    client.resume();
    const bodies = ['a', 'b'].map((name) => Array.from({ length: PIECES }, (_, sent) => `data: ${name}${sent} ${PIECE}\n\n`).join(''));
    await until(() => text().length > bodies.join('').length && text().endsWith('0\r\n\r\n'));
    const start = text().lastIndexOf('HTTP/1.1 200');
    expect([unchunked(text().slice(0, start)) === bodies[0], unchunked(text().slice(start)) === bodies[1]]).toEqual([true, true]);
    for (const waits of await written) expect(waits).toBeGreaterThan(0);
  });

  it('wait for their turn on the connection as long as it takes; only a client that could read is given up', async () => {
    const clock = new ManualClock();
    const { responses, writers, client } = await pipeline(clock);
    const [first, second] = writers as [SseWriter, SseWriter];
    first.write('data: 1\n\n');
    second.write(`data: ${'x'.repeat(64 * 1024 * 1024)}\n\n`);
    await until(() => second.drained() !== undefined);
    for (let round = 0; round < 3; round++) clock.advance(CLIENT_STALL_LIMIT_MS);
    expect(responses.map(({ destroyed }) => destroyed)).toEqual([false, false]);
    first.end();
    await until(() => responses[1]!.socket !== null);
    expect(second.drained()).toBeDefined();
    clock.advance(CLIENT_STALL_LIMIT_MS);
    await until(() => responses[1]!.closed);
    expect(second.drained()).toBeUndefined();
    expect(client.destroyed).toBe(false);
  });

  it('let go of what waits behind another answer when the client leaves', async () => {
    const { responses, writers, client } = await pipeline(new ManualClock());
    const written = writeAll(writers[1]!, 'b');
    await until(() => writers[1]!.drained() !== undefined);
    client.destroy();
    await until(() => responses.every(({ closed }) => closed));
    expect(await written).toBeGreaterThan(0);
  });
});
