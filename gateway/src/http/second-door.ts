import { once } from 'node:events';
import { createServer, type AddressInfo, type Server as NetServer } from 'node:net';
import type { Server } from 'node:http';
import { listenError, type ListenAt } from './listen.ts';

/** Another address of an HTTP server that listens already: what connects there is handed to it, and is the same to it in all else. */
export class SecondDoor {
  readonly #door: NetServer;

  constructor(server: Server) {
    // As node:http opens its own sockets; it pauses and ends them itself.
    this.#door = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => server.emit('connection', socket));
  }

  /** Gives its URL. @throws ListenError */
  async listen(at: ListenAt): Promise<string> {
    try {
      this.#door.listen({ host: at.host, port: at.port });
      await once(this.#door, 'listening');
    } catch (thrown) {
      throw listenError(thrown, at);
    }
    const { address, family, port } = this.#door.address() as AddressInfo;
    return `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`;
  }

  /** Takes no more connections; those that there are belong to the server. */
  close(): void {
    if (this.#door.listening) this.#door.close();
  }
}
