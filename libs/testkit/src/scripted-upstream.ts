import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { playScript } from './play-script.ts';
import { ReceivedRequest } from './received-request.ts';
import { streamedChat, wholeChat, type Script } from './script.ts';

/** Largest request body that a test may send. */
const BODY_LIMIT_BYTES = 64 * 1024 * 1024;

type Answer = Script | ((request: ReceivedRequest) => Script);

/**
 * An OpenAI-compatible server on a real socket that does what a test tells it: `POST /v1/chat/completions` plays
 * scripts, `GET /v1/models` is its health. Without a script it answers like a healthy model, streamed when asked.
 */
export class ScriptedUpstream implements AsyncDisposable {
  /** Every chat request received, in order. */
  readonly requests: ReceivedRequest[] = [];
  /** Calls that are being answered now, and the most there ever were at once. */
  concurrent = 0;
  maxConcurrent = 0;
  /** Connections accepted so far: tells whether a client keeps them alive. */
  connections = 0;
  /** How many health checks were received; what the next one gets as status. */
  probes = 0;
  probeStatus = 200;

  readonly #server: Server;
  readonly #queue: Answer[] = [];
  #always: Answer = healthyAnswer;
  readonly #waiting: { reached: () => boolean; resolve: () => void }[] = [];

  private constructor() {
    this.#server = createServer((request, response) => void this.#handle(request, response).catch(() => response.destroy()));
    this.#server.keepAliveTimeout = 60_000;
    this.#server.on('connection', () => this.connections++);
  }

  /** Starts on a free port of the loopback interface, or on the given one. */
  static async start(port = 0): Promise<ScriptedUpstream> {
    const upstream = new ScriptedUpstream();
    upstream.#server.listen(port, '127.0.0.1');
    await once(upstream.#server, 'listening');
    return upstream;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** What a deployment names as its target: ends before `/chat/completions`. */
  get baseUrl(): string {
    return `http://127.0.0.1:${this.port}/v1`;
  }

  /** The next request gets this; several wait in order. */
  next(...answers: Answer[]): void {
    this.#queue.push(...answers);
  }

  /** Every request for which no answer waits gets this from now on. */
  always(answer: Answer): void {
    this.#always = answer;
  }

  /** From now on it answers like a healthy model again. */
  heal(): void {
    this.#always = healthyAnswer;
  }

  /** The chat request with this number, from 0, as soon as it was received. */
  async received(number: number): Promise<ReceivedRequest> {
    await this.#until(() => this.requests.length > number);
    return this.requests[number]!;
  }

  /** Resolves when this many health checks were received in all. */
  async probed(count: number): Promise<void> {
    await this.#until(() => this.probes >= count);
  }

  /** Resolves when no call is being answered any more. */
  async idle(): Promise<void> {
    await this.#until(() => this.concurrent === 0);
  }

  /** Closes every connection and the port. */
  async stop(): Promise<void> {
    if (!this.#server.listening) return;
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.#server.closeAllConnections();
    await closed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    // A client that leaves in the middle of a write is what many tests are about.
    response.on('error', () => response.destroy());
    if (request.method === 'GET') return this.#answerProbe(response);
    const received = new ReceivedRequest(request.url ?? '', request.headers, await readBody(request));
    response.on('close', () => this.#closed(received, response));
    this.concurrent++;
    this.maxConcurrent = Math.max(this.maxConcurrent, this.concurrent);
    this.requests.push(received);
    const answer = this.#queue.shift() ?? this.#always;
    this.#notify();
    await playScript(typeof answer === 'function' ? answer(received) : answer, received, response);
  }

  #answerProbe(response: ServerResponse): void {
    this.probes++;
    response.writeHead(this.probeStatus, { 'content-type': 'application/json' });
    response.end(JSON.stringify({ object: 'list', data: [{ id: 'scripted', object: 'model', created: 0, owned_by: 'testkit' }] }));
    this.#notify();
  }

  #closed(received: ReceivedRequest, response: ServerResponse): void {
    this.concurrent--;
    if (!response.writableFinished) received.resolve.clientLeft();
    this.#notify();
  }

  #until(reached: () => boolean): Promise<void> {
    if (reached()) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.push({ reached, resolve }));
  }

  #notify(): void {
    for (const waiter of this.#waiting.splice(0)) {
      if (waiter.reached()) waiter.resolve();
      else this.#waiting.push(waiter);
    }
  }
}

function healthyAnswer(request: ReceivedRequest): Script {
  const body = request.json();
  const choices = typeof body['n'] === 'number' ? body['n'] : 1;
  const model = String(body['model']);
  return body['stream'] === true ? streamedChat({ choices, model }) : wholeChat({ choices, model });
}

async function readBody(request: IncomingMessage): Promise<Buffer> {
  const pieces: Buffer[] = [];
  let bytes = 0;
  for await (const piece of request as AsyncIterable<Buffer>) {
    bytes += piece.length;
    if (bytes > BODY_LIMIT_BYTES) throw new Error('The request body is larger than the testkit allows.');
    pieces.push(piece);
  }
  return Buffer.concat(pieces);
}
