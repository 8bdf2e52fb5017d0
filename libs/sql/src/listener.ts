import pg from 'pg';
import { systemClock, type Clock, type Timer } from '@sluice/clock';
import { connectionSettings, schemaName } from './connection.ts';
import { toSqlError } from './sql-error.ts';

export interface ListenerOptions {
  readonly url: string;
  /** A plain name: lower-case letters, digits and underscores. */
  readonly channel: string;
  readonly onNotification: (payload: string) => void;
  /** Runs after each connect: what was sent while nobody listened is lost, so now is the time to read. */
  readonly onListening: () => void;
  readonly onLost?: (error: Error) => void;
  readonly clock?: Clock;
}

const FIRST_RETRY_MS = 50;
const MAX_RETRY_MS = 2_000;
/** A connection over a network may die without a sign; a question now and then finds out. */
const PROBE_EVERY_MS = 10_000;
const PROBE_DEADLINE_MS = 3_000;
/** A server that stands still does not end its side of a connection. */
const GOODBYE_LIMIT_MS = 1_000;

/** A connection of its own that hears NOTIFY on one channel and comes back by itself after any loss. */
export class Listener {
  readonly #options: ListenerOptions;
  readonly #clock: Clock;
  #client: pg.Client | undefined;
  #timer: Timer | undefined;
  #retryMs = FIRST_RETRY_MS;
  #stopped = false;
  #connecting: Promise<void>;

  constructor(options: ListenerOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    schemaName(options.channel);
    this.#connecting = this.#connect();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#timer?.cancel();
    const ended = this.#connecting.then(() => this.#client?.end()).catch(() => undefined);
    const late = Promise.withResolvers<void>();
    const timer = this.#clock.after(GOODBYE_LIMIT_MS, late.resolve);
    await Promise.race([ended, late.promise]);
    timer.cancel();
  }

  async #connect(): Promise<void> {
    const client = new pg.Client({ ...connectionSettings(this.#options.url), query_timeout: PROBE_DEADLINE_MS });
    client.on('error', (error) => this.#lost(client, error));
    client.on('end', () => this.#lost(client, new Error('connection ended')));
    client.on('notification', ({ payload }) => this.#options.onNotification(payload ?? ''));
    this.#client = client;
    try {
      await client.connect();
      await client.query(`LISTEN ${this.#options.channel}`);
    } catch (thrown) {
      this.#lost(client, toSqlError(thrown));
      return;
    }
    if (this.#stopped || this.#client !== client) return;
    this.#retryMs = FIRST_RETRY_MS;
    this.#timer = this.#clock.every(PROBE_EVERY_MS, () => {
      client.query('SELECT 1').catch((thrown: unknown) => this.#lost(client, toSqlError(thrown)));
    });
    this.#options.onListening();
  }

  #lost(client: pg.Client, error: Error): void {
    // One loss shows up several times (error, end, failed query); a newer client is not concerned.
    if (this.#stopped || this.#client !== client) return;
    this.#client = undefined;
    this.#timer?.cancel();
    client.end().catch(() => undefined);
    this.#options.onLost?.(error);
    this.#timer = this.#clock.after(this.#retryMs, () => { this.#connecting = this.#connect(); });
    this.#retryMs = Math.min(this.#retryMs * 2, MAX_RETRY_MS);
  }
}
