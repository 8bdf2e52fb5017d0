import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Health } from '@sluice/lifecycle';

/** Probes send a line and a few headers. */
const HEADERS_LIMIT_BYTES = 8 * 1024;
const REQUEST_LIMIT_MS = 5_000;
/** A probe, a scraper, a person: each holds one or two. */
const CONNECTIONS_LIMIT = 64;

export interface HealthServerOptions {
  readonly health: Health;
  /** The process's metrics in Prometheus' text format. */
  readonly metrics: () => Promise<string>;
}

/**
 * What an orchestrator asks of a process: `/livez` (it runs), `/readyz` (it should get work: 503 while it starts, drains
 * or a part is down) and `/metrics`. No key, no content.
 */
export class HealthServer {
  readonly #options: HealthServerOptions;
  readonly #server: Server;
  #state: 'starting' | 'running' | 'draining' = 'starting';

  constructor(options: HealthServerOptions) {
    this.#options = options;
    const limits = { maxHeaderSize: HEADERS_LIMIT_BYTES, requestTimeout: REQUEST_LIMIT_MS, headersTimeout: REQUEST_LIMIT_MS };
    this.#server = createServer(limits, (request, response) => void this.#answer(request, response));
    this.#server.maxConnections = CONNECTIONS_LIMIT;
  }

  /** Gives its URL. Rejects when the address cannot be listened at. */
  async listen(host: string, port: number): Promise<string> {
    this.#server.listen(port, host);
    await once(this.#server, 'listening');
    return `http://${host.includes(':') ? `[${host}]` : host}:${(this.#server.address() as AddressInfo).port}`;
  }

  running(): void {
    this.#state = 'running';
  }

  draining(): void {
    this.#state = 'draining';
  }

  async stop(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#server.closeAllConnections();
    await closed;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (request.method !== 'GET' && request.method !== 'HEAD') return send(response, 405, 'application/json', JSON.stringify({ error: 'Only GET is answered.' }));
    switch (request.url?.split('?', 1)[0]) {
      case '/livez':
        return send(response, 200, 'application/json', JSON.stringify({ status: 'ok' }));
      case '/readyz': {
        const report = this.#options.health.report();
        const isReady = this.#state === 'running' && report.status !== 'down';
        return send(response, isReady ? 200 : 503, 'application/json', JSON.stringify(this.#state === 'running' ? report : { ...report, status: this.#state }));
      }
      case '/metrics':
        return this.#metrics(response);
      case undefined:
      default:
        return send(response, 404, 'application/json', JSON.stringify({ error: 'There are /livez, /readyz and /metrics.' }));
    }
  }

  async #metrics(response: ServerResponse): Promise<void> {
    try {
      send(response, 200, 'text/plain; version=0.0.4', await this.#options.metrics());
    } catch {
      send(response, 500, 'application/json', JSON.stringify({ error: 'The metrics could not be collected.' }));
    }
  }
}

function send(response: ServerResponse, status: number, type: string, body: string): void {
  response.writeHead(status, { 'content-type': `${type}; charset=utf-8` }).end(body);
}
