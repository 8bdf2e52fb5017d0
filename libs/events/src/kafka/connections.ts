import { connect as connectPlain, isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { ISocketFactory } from 'kafkajs';

/** As the driver's own sockets have it. */
const KEEP_ALIVE_MS = 60_000;

/** Connections that end together. */
export class Connections {
  /** With the broker at the other end, `host:port`. */
  readonly #sockets = new Map<Socket, string>();
  #isCut = false;

  /** As the driver asks for them. */
  readonly make: ISocketFactory = ({ host, port, ssl, onConnect }) => {
    if (this.#isCut) throw new Error('This part of the client was stopped.');
    const socket = ssl ? connectTls({ host, port, ...(isIP(host) === 0 && { servername: host }), ...ssl }, onConnect) : connectPlain({ host, port }, onConnect);
    this.#sockets.set(socket, `${host}:${port}`);
    return socket.setKeepAlive(true, KEEP_ALIVE_MS).once('close', () => this.#sockets.delete(socket));
  };

  /** Ends them, also those that are still being made, and lets no more be made. */
  cut(): void {
    this.#isCut = true;
    for (const socket of this.#sockets.keys()) socket.destroy(new Error('This part of the client was stopped.'));
  }

  /** Ends those to one broker, `host:port` as the driver names it; whoever needs one makes another. */
  renew(broker: string): void {
    for (const [socket, other] of this.#sockets) if (other === broker) socket.destroy(new Error('Nothing came over this connection in time.'));
  }
}
