import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';

export interface SeenRequest {
  readonly method: string;
  readonly url: string;
  readonly authorization: string | undefined;
  readonly body: unknown;
}

export type Answer = { readonly status?: number; readonly json?: unknown; readonly bytes?: Uint8Array; readonly stream?: readonly string[]; readonly isCut?: boolean; readonly never?: boolean };

/** A small HTTP server that gives the documented answers and remembers what it was asked. */
export class ApiServer {
  readonly seen: SeenRequest[] = [];
  readonly #answers = new Map<string, Answer | ((request: SeenRequest) => Answer)>();
  readonly #server: Server;

  constructor() {
    this.#server = createServer((request, response) => void this.#serve(request, response));
  }

  async listen(): Promise<void> {
    await once(this.#server.listen(0, '127.0.0.1'), 'listening');
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Settings by which the command line finds this server. */
  get environment(): Record<string, string> {
    return { SLUICE_URL: this.url, SLUICE_ADMIN_URL: this.url, SLUICE_ADMIN_KEY: 'sk-sluice-admin-test', SLUICE_API_KEY: 'sk-sluice-test' };
  }

  /** `place` is `METHOD /path` without the query. */
  on(place: string, answer: Answer | ((request: SeenRequest) => Answer)): this {
    this.#answers.set(place, answer);
    return this;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise<void>((closed) => this.#server.close(() => closed()));
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
    const text = Buffer.concat(chunks).toString('utf8');
    const seen = { method: request.method!, url: request.url!, authorization: request.headers.authorization, body: text === '' ? undefined : (JSON.parse(text) as unknown) };
    this.seen.push(seen);
    const found = this.#answers.get(`${seen.method} ${seen.url.split('?')[0]!}`) ?? NOT_FOUND;
    const answer = typeof found === 'function' ? found(seen) : found;
    if (answer.never) return;
    response.statusCode = answer.status ?? 200;
    const events = answer.stream?.map((data) => `data: ${data}\n\n`).join('');
    if (events && answer.isCut) return void response.setHeader('content-type', 'text/event-stream').write(events, () => request.socket.resetAndDestroy());
    if (events) return void response.setHeader('content-type', 'text/event-stream').end(events);
    response.end(answer.bytes ?? JSON.stringify(answer.json ?? {}));
  }
}

const NOT_FOUND: Answer = { status: 404, json: { error: { message: 'There is no such thing.', type: 'invalid_request_error', param: null, code: 'not_found' } } };
