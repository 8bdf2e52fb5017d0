import { createServer, type Server, type ServerResponse } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from '@jest/globals';
import { systemClock, systemIds } from '@sluice/clock';
import { silentLogger } from '@sluice/telemetry';
import { until } from '../testing/house.ts';
import { CLIENT_STALL_LIMIT_MS } from './limits.ts';
import { createServer as createHouseServer } from './server.ts';
import { SseWriter } from './sse-writer.ts';
import { endStalledAnswers } from './stalled-answer.ts';

const STALL_LIMIT_MS = 150;
/** Long against the pauses that a busy machine makes by itself: the slow client lives in the process of the test. */
const SLOW_STALL_LIMIT_MS = 1_500;
/** More than the kernel buffers of both ends hold. */
const ANSWER = 'x'.repeat(64 * 1024 * 1024);
/** What a slow client reads in one go: enough for its kernel to tell the other one of the room. */
const SLOW_READ_BYTES = 1024 * 1024;

let stop: () => unknown = () => undefined;
afterEach(() => void stop());

/** Serves one answer; gives its response and a client that has asked and reads nothing by itself. */
async function serve(answer: (response: ServerResponse) => void, stallLimitMs = STALL_LIMIT_MS): Promise<{ response: ServerResponse; client: Socket }> {
  const { promise, resolve } = Promise.withResolvers<ServerResponse>();
  const server: Server = createServer((_request, response) => (resolve(response), answer(response)));
  endStalledAnswers(server, stallLimitMs);
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const client = connect((server.address() as AddressInfo).port, '127.0.0.1').on('error', () => undefined);
  stop = () => (client.destroy(), server.closeAllConnections(), server.close());
  client.pause();
  client.write('GET / HTTP/1.1\r\nhost: a\r\n\r\n');
  return { response: await promise, client };
}

const streamed = (response: ServerResponse): void => {
  const sse = new SseWriter(response, {}, systemClock);
  sse.write('data: 1\n\n');
  setImmediate(() => {
    sse.write(ANSWER);
    sse.end();
  });
};

describe('an answer whose client reads nothing', () => {
  it.each([
    ['whole', (response: ServerResponse) => void response.end(ANSWER)],
    ['the end of a stream', streamed],
  ])('is ended: %s', async (_, answer) => {
    const { response } = await serve(answer);
    await until(() => response.closed);
    expect(response.writableFinished).toBe(false);
  });

  it('goes on when its client is only slow', async () => {
    const { response, client } = await serve((given) => void given.end(ANSWER), SLOW_STALL_LIMIT_MS);
    const begunMs = performance.now();
    let read = 0;
    let allowed = 0;
    client.on('data', (bytes: Buffer) => {
      read += bytes.length;
      if (read >= allowed) client.pause();
    });
    while (performance.now() - begunMs < 2 * SLOW_STALL_LIMIT_MS) {
      allowed = read + SLOW_READ_BYTES;
      client.resume();
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    expect(response.closed).toBe(false);
    client.removeAllListeners('data').on('data', (bytes: Buffer) => (read += bytes.length)).resume();
    await until(() => response.closed);
    expect(response.writableFinished).toBe(true);
    await until(() => read > ANSWER.length);
  });

  it('is watched on every listener of the house', async () => {
    const server = createHouseServer({ clock: systemClock, ids: systemIds(systemClock), logger: silentLogger, bodyLimitBytes: 10 });
    let response: ServerResponse | undefined;
    server.get('/', (_request, reply) => void ((response = reply.raw), reply.send(ANSWER)));
    await server.listen({ host: '127.0.0.1', port: 0 });
    const client = connect((server.server.address() as AddressInfo).port, '127.0.0.1').on('error', () => undefined);
    stop = () => (client.destroy(), server.close());
    client.pause();
    client.write('GET / HTTP/1.1\r\nhost: a\r\n\r\n');
    await until(() => response?.writableEnded === true);
    expect(response!.socket!.timeout).toBe(CLIENT_STALL_LIMIT_MS);
  });
});
