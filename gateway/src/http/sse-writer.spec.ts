import { createServer, get, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it } from '@jest/globals';
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
});
