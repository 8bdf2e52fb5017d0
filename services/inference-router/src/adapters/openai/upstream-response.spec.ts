import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import type { AddressInfo } from 'node:net';
import { systemClock } from '@sluice/clock';
import { Pool } from 'undici';
import { READ_AHEAD_LIMIT_BYTES, READ_AHEAD_LIMIT_PIECES } from './limits.ts';
import { UpstreamResponse } from './upstream-response.ts';

/** One byte as a chunk of its own (RFC 9112, section 7.1). */
const CHUNK = '1\r\nx\r\n';

describe('a response that nobody reads', () => {
  let server: Server;
  let pool: Pool;
  let socket: Promise<Socket>;
  beforeEach(async () => {
    server = createServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    socket = once(server, 'connection').then(([accepted]) => accepted as Socket);
    pool = new Pool(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  });
  afterEach(async () => {
    await pool.destroy();
    await new Promise((resolve) => server.close(resolve));
  });

  it('is held back after so many pieces, however small they are, and loses none', async () => {
    const response = new UpstreamResponse(systemClock);
    pool.dispatch({ method: 'GET', path: '/' }, response);
    const bytes = 20 * READ_AHEAD_LIMIT_PIECES;
    const peer = (await socket).on('error', () => undefined);
    peer.write(`HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n${CHUNK.repeat(bytes)}0\r\n\r\n`);
    await response.head;
    let received = 0;
    for (let pieces = await response.read(); pieces !== undefined; pieces = await response.read()) {
      expect(pieces.length).toBeLessThanOrEqual(READ_AHEAD_LIMIT_PIECES);
      for (const piece of pieces) received += piece.length;
    }
    expect(bytes).toBeLessThan(READ_AHEAD_LIMIT_BYTES);
    expect(received).toBe(bytes);
    peer.destroy();
  });
});
