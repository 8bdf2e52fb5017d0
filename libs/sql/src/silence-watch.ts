import { Socket } from 'node:net';
import type { Clock } from '@sluice/clock';
import pg from 'pg';
import { connectionSettings } from './connection.ts';

/** Nearly every statement of the platform has its answer by then. */
const SILENT_AFTER_MS = 3_000;
const PROBE_DEADLINE_MS = 3_000;

/** The number of the server's process, as it said it when it greeted; the driver's types do not know it. */
interface Numbered { readonly processID?: number | null }
type Client = pg.PoolClient & Numbered;

/**
 * The sockets of a pool, and who among them is silent. A connection whose other end is gone without a word (a firewall that
 * forgot it, a server that another one took the place of) looks like one whose statement takes long, and only the limit of the
 * statement would tell. So the server is asked over a connection of its own whether the process that serves it still exists
 * (PostgreSQL's manual, "pg_stat_activity"); where it does not, none of the pool's connections is trusted any more.
 */
export class SilenceWatch {
  readonly #url: string;
  readonly #clock: Clock;
  readonly #sockets = new Set<Socket>();
  readonly #silent = new Set<Client>();
  #asking = false;

  constructor(url: string, clock: Clock) {
    this.#url = url;
    this.#clock = clock;
  }

  /** As the driver asks for them. */
  readonly makeSocket = (): Socket => {
    const socket = new Socket();
    this.#sockets.add(socket);
    return socket.once('close', () => this.#sockets.delete(socket));
  };

  /** What is true of one is likely to be true of the others. */
  endAll(): void {
    for (const socket of this.#sockets) socket.destroy(new Error('Nobody answers at the other end of this connection.'));
    this.#silent.clear();
  }

  /** A statement was sent; returns what to call when it has its answer. */
  watch(client: Client): () => void {
    const timer = this.#clock.after(SILENT_AFTER_MS, () => {
      this.#silent.add(client);
      void this.#ask();
    });
    return () => {
      timer.cancel();
      this.#silent.delete(client);
    };
  }

  /** One question at a time, until nobody is silent. */
  async #ask(): Promise<void> {
    if (this.#asking) return;
    this.#asking = true;
    while (this.#silent.size > 0 && !(await this.#isOneGone())) await new Promise<void>((resolve) => { this.#clock.after(SILENT_AFTER_MS, resolve); });
    this.#asking = false;
  }

  async #isOneGone(): Promise<boolean> {
    const asked = [...this.#silent];
    const served = await this.#served(asked.flatMap(({ processID }) => processID ?? []));
    const isGone = served !== undefined && asked.some((client) => this.#silent.has(client) && typeof client.processID === 'number' && !served.has(client.processID));
    if (isGone) this.endAll();
    return isGone;
  }

  /**
   * Those that the server knows. Undefined where it does not answer, or where something between gives connections numbers of its own, as
   * poolers do: then the limits of the statements decide.
   */
  async #served(processIds: readonly number[]): Promise<ReadonlySet<number> | undefined> {
    const probe = new pg.Client({ ...connectionSettings(this.#url), connectionTimeoutMillis: PROBE_DEADLINE_MS, query_timeout: PROBE_DEADLINE_MS });
    probe.on('error', () => undefined);
    try {
      await probe.connect();
      const { rows } = await probe.query<{ own: number; pid: number }>('SELECT pg_backend_pid() AS own, pid FROM pg_stat_activity WHERE pid = ANY($1::int[]) OR pid = pg_backend_pid()', [processIds]);
      const isAsked = rows[0]?.own === (probe as Numbered).processID;
      return isAsked ? new Set(rows.map(({ pid }) => pid)) : undefined;
    } catch {
      return undefined;
    } finally {
      void probe.end().catch(() => undefined);
    }
  }
}
