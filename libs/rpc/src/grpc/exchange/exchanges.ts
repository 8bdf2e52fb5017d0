import type { ClientDuplexStream } from '@grpc/grpc-js';
import type { Clock } from '@sluice/clock';
import { Exchange } from './exchange.ts';

type Bytes = Uint8Array;

/** How often another one is begun while calls are made: so that an instance that is new or was away has its share soon. */
const RENEW_PERIOD_MS = 1_000;

export interface ExchangesOptions {
  readonly clock: Clock;
  readonly limitBytes: number;
  /** A stream to whichever instance is next. */
  readonly open: () => ClientDuplexStream<Bytes, Bytes>;
}

/**
 * The exchanges of one client, one with each instance that was met. They are begun by calls that find it is time to, which
 * do not wait for them: as long as there is none, and with a server that knows none, calls have streams of their own.
 */
export class Exchanges {
  readonly #options: ExchangesOptions;
  readonly #open: Exchange[] = [];
  #beginning: Exchange | undefined;
  #dueMs = -Infinity;
  #turn = 0;
  #isClosed = false;

  constructor(options: ExchangesOptions) {
    this.#options = options;
  }

  /** The next one in turn; undefined while there is none. */
  next(): Exchange | undefined {
    this.#begin();
    return this.#open[++this.#turn % this.#open.length];
  }

  /** Instances with which there is one now. */
  get size(): number {
    return this.#open.length;
  }

  close(): void {
    this.#isClosed = true;
    this.#beginning?.leave();
    for (const exchange of [...this.#open]) exchange.leave();
  }

  #begin(): void {
    const { clock, limitBytes, open } = this.#options;
    const nowMs = clock.monotonicMs();
    if (this.#beginning || nowMs < this.#dueMs || this.#isClosed) return;
    this.#dueMs = nowMs + RENEW_PERIOD_MS;
    this.#beginning = new Exchange(open(), { clock, limitBytes, onReady: this.#ready, onLeft: this.#left });
  }

  /** It takes the place of the one before with the same instance; after an instance that was not met before there may be more such. */
  readonly #ready = (exchange: Exchange): void => {
    this.#beginning = undefined;
    const before = this.#open.find(({ peer }) => peer === exchange.peer);
    this.#open.push(exchange);
    if (before) before.leave();
    else this.#dueMs = -Infinity;
  };

  readonly #left = (exchange: Exchange): void => {
    if (this.#beginning === exchange) this.#beginning = undefined;
    const at = this.#open.indexOf(exchange);
    if (at >= 0) this.#open.splice(at, 1);
  };
}
