import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** The way of one process to a database on a Unix socket, which can be lost while that of others is well. */
export class DatabaseWay implements AsyncDisposable {
  readonly url: string;
  readonly #folder: string;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #state: 'well' | 'frozen' | 'cut' = 'well';

  private constructor(url: string, folder: string, server: Server) {
    this.url = url;
    this.#folder = folder;
    this.#server = server;
  }

  static async to(url: string): Promise<DatabaseWay> {
    // Without a host in its middle it is no address to `URL`.
    const [before, query] = url.split('?') as [string, string];
    const settings = new URLSearchParams(query);
    const name = `.s.PGSQL.${settings.get('port')}`;
    const real = join(settings.get('host')!, name);
    const folder = await mkdtemp(join(tmpdir(), 'way-'));
    settings.set('host', folder);
    const server = createServer().listen(join(folder, name));
    await once(server, 'listening');
    const way = new DatabaseWay(`${before}?${settings}`, folder, server);
    server.on('connection', (client) => way.#join(client, connect(real)));
    return way;
  }

  /** Nothing arrives any more and nobody is told, as when the server is stopped. */
  freeze(): void {
    this.#state = 'frozen';
    for (const socket of this.#sockets) socket.pause();
  }

  /** The server is gone: connections end, and new ones are ended. */
  cut(): void {
    this.#state = 'cut';
    for (const socket of this.#sockets) socket.destroy();
  }

  heal(): void {
    this.#state = 'well';
    for (const socket of this.#sockets) socket.resume();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.cut();
    this.#server.close();
    await rm(this.#folder, { recursive: true, force: true });
  }

  #join(client: Socket, server: Socket): void {
    for (const [from, to] of [[client, server], [server, client]] as const) {
      this.#sockets.add(from);
      from.on('data', (bytes) => to.write(bytes)).on('error', () => undefined).on('close', () => {
        this.#sockets.delete(from);
        to.destroy();
      });
      if (this.#state === 'frozen') from.pause();
      if (this.#state === 'cut') from.destroy();
    }
  }
}
