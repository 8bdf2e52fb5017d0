import type { Clock } from '@sluice/clock';
import { createClient } from 'redis';

/** A TCP connection and what is said at its beginning: a server that is frozen still accepts connections. */
const CONNECT_LIMIT_MS = 500;

/** What did not come in time. */
class NoAnswer extends Error {
  override readonly name = 'NoAnswer';
}

/** What is used of the client. */
interface Client {
  readonly isOpen: boolean;
  connect(): Promise<unknown>;
  sendCommand(words: string[]): Promise<unknown>;
  destroy(): void;
}

/**
 * One connection to Redis, until it first fails: a command that is late or broken off may have been carried out or may
 * still be, so nothing is sent behind it. Who wants to go on opens another one. Commands are carried out in their order.
 */
export class Connection {
  readonly #client: Client;
  readonly #clock: Clock;
  readonly #answerLimitMs: number;

  private constructor(client: Client, clock: Clock, answerLimitMs: number) {
    this.#client = client;
    this.#clock = clock;
    this.#answerLimitMs = answerLimitMs;
  }

  /** @throws when Redis is not there, refuses, or does not answer in time */
  static async open(url: string, clock: Clock, answerLimitMs: number, onLost: (error: Error) => void): Promise<Connection> {
    const client = createClient({
      url,
      RESP: 2,
      disableOfflineQueue: true,
      maintNotifications: 'disabled',
      socket: { connectTimeout: CONNECT_LIMIT_MS, reconnectStrategy: false },
    });
    const connection = new Connection(client, clock, answerLimitMs);
    client.on('error', onLost);
    client.on('end', () => onLost(new Error('the connection was closed')));
    try {
      await inTime(client.connect(), CONNECT_LIMIT_MS, clock);
    } catch (thrown) {
      connection.close();
      throw thrown;
    }
    return connection;
  }

  /** @throws what Redis answered, or that it did not */
  send(words: readonly string[]): Promise<unknown> {
    return inTime(this.#client.sendCommand([...words]), this.#answerLimitMs, this.#clock);
  }

  close(): void {
    if (this.#client.isOpen) this.#client.destroy();
  }
}

function inTime<T>(answer: Promise<T>, limitMs: number, clock: Clock): Promise<T> {
  const { promise, resolve, reject } = Promise.withResolvers<T>();
  const timer = clock.after(limitMs, () => {
    // When this process itself was held up, the answer lies there already: it is read before the immediates run.
    setImmediate(() => setImmediate(() => reject(new NoAnswer(`Redis did not answer within ${limitMs} ms`))));
  });
  answer.then(resolve, reject).finally(() => timer.cancel());
  return promise;
}
