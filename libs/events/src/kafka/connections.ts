import { connect as connectPlain, isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { ISocketFactory } from 'kafkajs';

/** As the driver's own sockets have it. */
const KEEP_ALIVE_MS = 60_000;

/** Connections that end together. */
export class Connections {
  readonly #sockets = new Set<Socket>();
  #isCut = false;

  /** As the driver asks for them. */
  readonly make: ISocketFactory = ({ host, port, ssl, onConnect }) => {
    if (this.#isCut) throw new Error('This part of the client was stopped.');
    const socket = ssl ? connectTls({ host, port, ...(isIP(host) === 0 && { servername: host }), ...ssl }, onConnect) : connectPlain({ host, port }, onConnect);
    this.#sockets.add(socket);
    return socket.setKeepAlive(true, KEEP_ALIVE_MS).once('close', () => this.#sockets.delete(socket));
  };

  /** Ends them, also those that are still being made, and lets no more be made. */
  cut(): void {
    this.#isCut = true;
    this.#end('This part of the client was stopped.');
  }

  /** Ends them; whoever needs one makes another. */
  renew(): void {
    this.#end('Nothing came over this connection in time.');
  }

  #end(why: string): void {
    for (const socket of this.#sockets) socket.destroy(new Error(why));
  }
}
