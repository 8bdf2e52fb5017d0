import { connect } from 'node:net';
import { once } from 'node:events';
import { fastify, type FastifyInstance } from 'fastify';
import { afterEach, describe, expect, it } from '@jest/globals';
import { listen, ListenError } from './listen.ts';
import { SecondDoor } from './second-door.ts';

const HERE = { host: '127.0.0.1', setting: 'SLUICE_PORT' };
const open: { server: FastifyInstance; door: SecondDoor }[] = [];
afterEach(async () => {
  for (const { server, door } of open.splice(0)) {
    door.close();
    server.server.closeAllConnections();
    await server.close();
  }
});

/** A server that says its name, at a shared port and at a door of its own. */
async function start(name: string, port: number): Promise<{ url: string; direct: string; door: SecondDoor; server: FastifyInstance }> {
  const server = fastify({ forceCloseConnections: 'idle' });
  server.get('/', async () => name);
  const door = new SecondDoor(server.server);
  open.push({ server, door });
  const url = await listen(server, { ...HERE, port, shared: true });
  return { url, direct: await door.listen({ ...HERE, port: 0, shared: false }), door, server };
}

const ask = async (url: string): Promise<string> => (await fetch(url, { headers: { connection: 'close' } })).text();

describe('doors', () => {
  it('are shared by servers, each of which is reached by its own as well', async () => {
    const first = await start('first', 0);
    const second = await start('second', Number(new URL(first.url).port));
    expect(second.url).toBe(first.url);
    expect([await ask(first.direct), await ask(second.direct)]).toEqual(['first', 'second']);
    const seen = new Set<string>();
    for (let tries = 0; tries < 1_000 && seen.size < 2; tries++) seen.add(await ask(first.url));
    expect([...seen].toSorted()).toEqual(['first', 'second']);
    await second.server.close();
    expect([await ask(first.url), await ask(first.url)]).toEqual(['first', 'first']);
  });

  it('of a port that is not shared are refused where somebody listens, with the setting that says which', async () => {
    const { direct } = await start('first', 0);
    const at = { ...HERE, port: Number(new URL(direct).port), shared: false };
    const other = fastify();
    await expect(listen(other, at)).rejects.toBeInstanceOf(ListenError);
    await expect(new SecondDoor(other.server).listen({ ...at, setting: 'SLUICE_DIRECT_PORT' })).rejects.toThrow('SLUICE_DIRECT_PORT');
  });

  it('that are closed take nobody in, and leave those who are in to the server', async () => {
    const { direct, door, server } = await start('first', 0);
    const { hostname, port } = new URL(direct);
    const socket = connect(Number(port), hostname);
    await once(socket, 'connect');
    const said = async (): Promise<string> => {
      socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
      return String((await once(socket, 'data') as [Buffer])[0]);
    };
    expect(await said()).toContain('first');
    door.close();
    await expect(fetch(direct)).rejects.toThrow();
    expect(await said()).toContain('first');
    const closed = once(socket, 'close');
    server.server.closeAllConnections();
    await closed;
  });
});
