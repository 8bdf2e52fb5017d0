import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { TcpProxy } from './tcp-proxy.ts';

const DELAY_MS = 150;
/** Longer than a round trip on a busy machine needs, for what must not arrive. */
const LONG_ENOUGH_MS = 300;

describe('a proxy', () => {
  let echo: Server;
  let proxy: TcpProxy;
  const clients: Socket[] = [];
  const served = new Set<Socket>();

  beforeEach(async () => {
    echo = createServer((socket) => {
      served.add(socket);
      socket.on('error', () => undefined).on('close', () => served.delete(socket));
      socket.pipe(socket);
    }).listen(0, '127.0.0.1');
    await once(echo, 'listening');
    proxy = await TcpProxy.open({ host: '127.0.0.1', port: (echo.address() as AddressInfo).port });
  });
  afterEach(async () => {
    clients.splice(0).forEach((client) => client.destroy());
    await proxy[Symbol.asyncDispose]();
    await new Promise((closed) => echo.close(closed));
  });

  const client = async (): Promise<Socket> => {
    const socket = connect({ port: proxy.port, host: '127.0.0.1' });
    clients.push(socket.on('error', () => undefined));
    await once(socket, 'connect');
    return socket;
  };
  const heard = async (socket: Socket, text: string): Promise<string> => {
    const answer = once(socket, 'data');
    socket.write(text);
    return String((await answer)[0]);
  };
  const hearsNothing = async (event: Promise<unknown>): Promise<boolean> => {
    const silence = new Promise<'silence'>((resolve) => setTimeout(() => resolve('silence'), LONG_ENOUGH_MS));
    return (await Promise.race([event, silence])) === 'silence';
  };

  it('carries what is sent, and the end of a connection', async () => {
    const socket = await client();
    expect(await heard(socket, 'hello')).toBe('hello');
    socket.end();
    await once(socket, 'close');
  });

  it('carries more than it may hold, in order, to a reader that is slow', async () => {
    const socket = await client();
    const sent = Buffer.alloc(8 * 1024 * 1024, 'abcdefg');
    proxy.drop();
    socket.write(sent);
    const parts: Buffer[] = [];
    socket.on('data', (part: Buffer) => parts.push(part));
    proxy.heal();
    while (parts.reduce((sum, { length }) => sum + length, 0) < sent.length) await once(socket, 'data');
    expect(Buffer.concat(parts).equals(sent)).toBe(true);
  });

  it('delays both ways', async () => {
    const socket = await client();
    proxy.delay(DELAY_MS);
    const startedMs = performance.now();
    expect(await heard(socket, 'late')).toBe('late');
    expect(performance.now() - startedMs).toBeGreaterThan(2 * DELAY_MS - 10);
  });

  it('drops everything until it is well again, also of new connections, and hides that the server went away', async () => {
    const [before, during] = [await client(), (proxy.drop(), await client())];
    const answers = [before, during].map((socket) => once(socket, 'data'));
    before.write('one');
    during.write('two');
    expect(await hearsNothing(Promise.race(answers))).toBe(true);
    proxy.heal();
    expect((await Promise.all(answers)).map(String)).toEqual(['one', 'two']);
    proxy.drop();
    const closed = once(before, 'close');
    served.forEach((socket) => socket.resetAndDestroy());
    expect(await hearsNothing(closed)).toBe(true);
  });

  it('leaves clients half open: they hear nothing, then and later; new ones are served when it is well again', async () => {
    const before = await client();
    await heard(before, 'hello');
    proxy.halfOpen();
    const during = await client();
    const anything = [before, during].flatMap((socket) => [once(socket, 'data'), once(socket, 'close')]);
    before.write('?');
    during.write('?');
    expect(await hearsNothing(Promise.race(anything))).toBe(true);
    expect(served.size).toBe(0);
    proxy.heal();
    expect(await heard(await client(), 'new')).toBe('new');
    expect(await hearsNothing(Promise.race(anything))).toBe(true);
  });

  it('resets every connection on both ends', async () => {
    const socket = await client();
    await heard(socket, 'hello');
    const ends = [socket, ...served].map((end) => once(end, 'close').catch((error: NodeJS.ErrnoException) => error.code));
    proxy.reset();
    expect(await Promise.all(ends)).toEqual(['ECONNRESET', 'ECONNRESET']);
  });
});
