import { connect, type Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { TestHouse, until } from '../testing/house.ts';

const house = new TestHouse();
const key = house.addKey('inference');
const PIECE = Buffer.alloc(64 * 1024, 'x');

beforeAll(() => house.start());
afterAll(() => house.stop());

interface Talk {
  readonly socket: Socket;
  text: string;
  fault: string;
  isClosed: boolean;
}

/** A client that sends on whatever it is told. */
function talk(head: string): Talk {
  const { hostname, port } = new URL(house.url);
  const socket = connect(Number(port), hostname);
  const seen: Talk = { socket, text: '', fault: '', isClosed: false };
  socket.setEncoding('latin1').on('data', (text: string) => (seen.text += text));
  socket.on('error', (error: NodeJS.ErrnoException) => (seen.fault = error.code ?? error.message)).on('close', () => (seen.isClosed = true));
  socket.write(head);
  return seen;
}

/** Sends until this many bytes are out, without looking at the answer first; reads it only at the end. */
async function sendBlindly(seen: Talk, bytes: number): Promise<void> {
  seen.socket.pause();
  for (let sent = 0; sent < bytes && seen.fault === ''; sent += PIECE.length) await new Promise((done) => seen.socket.write(PIECE, done));
  seen.socket.resume();
}

const body = (seen: Talk): unknown => JSON.parse(seen.text.split('\r\n\r\n')[1]!);
const POST = `POST /v1/chat/completions HTTP/1.1\r\nhost: sluice\r\nauthorization: Bearer ${key}\r\ncontent-type: application/json\r\n`;

describe('a client that is refused while it still sends', () => {
  it('reads that its headers are too large', async () => {
    const seen = talk('GET /v1/models HTTP/1.1\r\nhost: sluice\r\nx-long: ');
    await sendBlindly(seen, 8 * 1024 * 1024);
    await until(() => seen.isClosed || seen.text.endsWith('}'));
    expect(seen.text).toContain(' 431 ');
    expect(body(seen)).toMatchObject({ error: { code: 'headers_too_large' } });
    expect(seen.fault).toBe('');
    seen.socket.destroy();
  });

  it('reads that what it says is not HTTP', async () => {
    const seen = talk('HELO sluice\r\n');
    await sendBlindly(seen, 4 * 1024 * 1024);
    await until(() => seen.isClosed || seen.text.endsWith('}'));
    expect(seen.text).toContain(' 400 ');
    expect(seen.fault).toBe('');
    seen.socket.destroy();
  });

  it('reads that its body is too large, and may ask again on the same connection', async () => {
    const size = 12 * 1024 * 1024;
    const seen = talk(`${POST}content-length: ${size}\r\n\r\n`);
    await sendBlindly(seen, size);
    await until(() => seen.isClosed || seen.text.endsWith('}'));
    expect(seen.text).toContain(' 413 ');
    expect(body(seen)).toMatchObject({ error: { code: 'request_too_large' } });
    seen.text = '';
    seen.socket.write('GET /healthz HTTP/1.1\r\nhost: sluice\r\n\r\n');
    await until(() => seen.isClosed || seen.text.includes(' 200 '));
    expect({ fault: seen.fault, isClosed: seen.isClosed }).toEqual({ fault: '', isClosed: false });
    seen.socket.destroy();
  });

  it('is not listened to for ever', async () => {
    const [headers, large] = [talk('HELO sluice\r\n'), talk(`${POST}content-length: 99999999999\r\n\r\n`)];
    await until(() => headers.isClosed && large.isClosed);
    expect([headers.text, large.text].map((text) => text.slice(9, 12))).toEqual(['400', '413']);
  });
});
