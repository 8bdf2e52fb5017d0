import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { OneWay, type Way } from './one-way.ts';

const OPEN: Way = { delayMs: 0, hold: false };

export interface TcpProxyOptions {
  readonly host: string;
  readonly port: number;
  /** Makes, for each connection, what the server's bytes pass through. */
  readonly changeAnswers?: () => (bytes: Buffer) => Buffer;
}

interface Connection {
  readonly client: Socket;
  readonly server: Socket;
  readonly ways: readonly OneWay[];
}

/** A bad network between a client and one server, on demand. */
export class TcpProxy implements AsyncDisposable {
  readonly port: number;
  readonly #options: TcpProxyOptions;
  readonly #listener: Server;
  readonly #connections = new Set<Connection>();
  /** Clients whose server end is gone without their having heard of it. */
  readonly #halfOpen = new Set<Socket>();
  #way: Way = OPEN;
  #takesNobody = false;

  private constructor(options: TcpProxyOptions, listener: Server) {
    this.#options = options;
    this.#listener = listener;
    this.port = (listener.address() as AddressInfo).port;
    listener.on('connection', (client: Socket) => (this.#takesNobody ? this.#strand(client) : this.#join(client)));
  }

  static async open(options: TcpProxyOptions): Promise<TcpProxy> {
    const listener = createServer({ allowHalfOpen: true, noDelay: true }).listen(0, '127.0.0.1');
    await once(listener, 'listening');
    return new TcpProxy(options, listener);
  }

  /** The network is well again. What was half open stays so: nobody tells the client. */
  heal(): void {
    this.#takesNobody = false;
    this.#change(OPEN);
  }

  /** Each piece takes so much longer, both ways. */
  delay(delayMs: number): void {
    this.#change({ delayMs, hold: false });
  }

  /** Nothing arrives any more, as behind a cable that was pulled; what was sent arrives when the network is well again. */
  drop(): void {
    this.#change({ delayMs: 0, hold: true });
  }

  /** The server's end of every connection goes, and no client hears of it. New ones are taken and never answered. */
  halfOpen(): void {
    this.#takesNobody = true;
    for (const { client, server } of this.#connections) {
      this.#strand(client);
      server.destroy();
    }
    this.#connections.clear();
  }

  /** Every connection is reset, on both ends. */
  reset(): void {
    for (const { client, server } of this.#connections) {
      client.resetAndDestroy();
      server.resetAndDestroy();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.reset();
    for (const client of this.#halfOpen) client.destroy();
    await new Promise((closed) => this.#listener.close(closed));
  }

  #change(way: Way): void {
    this.#way = way;
    for (const { ways } of this.#connections) ways.forEach((one) => one.pump());
  }

  #join(client: Socket): void {
    const { host, port, changeAnswers } = this.#options;
    const server = connect({ host, port, allowHalfOpen: true, noDelay: true });
    const way = (): Way => this.#way;
    const ways = [new OneWay(client, server, way, (bytes) => bytes), new OneWay(server, client, way, changeAnswers?.() ?? ((bytes) => bytes))];
    const connection = { client, server, ways };
    this.#connections.add(connection);
    for (const [end, other] of [[client, server], [server, client]] as const) {
      end.on('error', () => undefined);
      end.on('close', (hadError) => {
        if (!this.#connections.has(connection)) return;
        // The one end's reset is the other's; behind a pulled cable nobody hears of it before it is mended.
        if (hadError && !this.#way.hold) other.resetAndDestroy();
        if (client.destroyed && server.destroyed) this.#connections.delete(connection);
      });
    }
  }

  #strand(client: Socket): void {
    this.#halfOpen.add(client);
    client.removeAllListeners('data').on('error', () => undefined).on('close', () => this.#halfOpen.delete(client));
    client.on('end', () => client.destroy());
    client.resume();
  }
}
