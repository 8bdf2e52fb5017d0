import type { ServerResponse } from 'node:http';
import type { Clock, Timer } from '@sluice/clock';
import type { ServiceError } from '@sluice/errors';
import { errorBody } from '../domain/told-error.ts';
import { CLIENT_STALL_LIMIT_MS } from './limits.ts';

/**
 * Writes server-sent events (WHATWG HTML, section 9.2) to one response.
 *
 * What is written in one turn of the event loop leaves in one write to the socket: clients exist that lose an event
 * which is split, and writes are what a stream costs. The status line goes with the first event.
 */
export class SseWriter {
  readonly #response: ServerResponse;
  readonly #clock: Clock;
  readonly #headers: Readonly<Record<string, string>>;
  #unsent = '';
  #flushing = false;
  #ending = false;
  #headersLeft = false;
  #drain: Promise<void> | undefined;

  /** @param headers read when the status line leaves */
  constructor(response: ServerResponse, headers: Readonly<Record<string, string>>, clock: Clock) {
    this.#response = response;
    this.#headers = headers;
    this.#clock = clock;
  }

  /** True when the status line has left or is about to. */
  get started(): boolean {
    return this.#response.headersSent || this.#unsent !== '';
  }

  write(lines: string): void {
    if (lines === '') return;
    this.#unsent += lines;
    if (this.#flushing) return;
    this.#flushing = true;
    process.nextTick(() => this.#flush());
  }

  /** Resolves when the client has read what was written; undefined when nothing waits for it. */
  drained(): Promise<void> | undefined {
    return this.#drain;
  }

  /** Ends the response behind everything written. */
  end(): void {
    this.#ending = true;
    if (!this.#flushing) this.#flush();
  }

  /** An answer that broke off: one error event, and no terminator. */
  fail(error: ServiceError): void {
    this.write(`data: ${errorBody(error)}\n\n`);
    this.end();
  }

  #flush(): void {
    this.#flushing = false;
    const response = this.#response;
    const lines = this.#unsent;
    this.#unsent = '';
    if (response.destroyed) return;
    if (!response.headersSent) response.writeHead(200, { ...this.#headers, 'content-type': 'text/event-stream; charset=utf-8', 'cache-control': 'no-cache', 'x-accel-buffering': 'no' });
    if (this.#ending) response.end(lines);
    else if (lines !== '' && !this.#send(lines)) this.#drain ??= this.#waitForDrain();
  }

  /**
   * One chunk (RFC 9112, section 7.1). Framed here and given to the socket as one string: Node frames a chunk as four
   * strings, which costs as much again as the write itself.
   */
  #send(lines: string): boolean {
    const { socket, chunkedEncoding } = this.#response;
    if (!this.#headersLeft || !socket || !chunkedEncoding) {
      this.#headersLeft = true;
      return this.#response.write(lines);
    }
    return socket.write(`${Buffer.byteLength(lines).toString(16)}\r\n${lines}\r\n`);
  }

  /**
   * A client that reads nothing for too long is treated as gone. Behind another answer on its connection (pipelining, RFC
   * 9112, section 9.3.2) this one has no socket yet and its client nothing to read of it: then the other one is watched.
   */
  #waitForDrain(): Promise<void> {
    const response = this.#response;
    const { socket } = response;
    const { promise, resolve } = Promise.withResolvers<void>();
    let stall: Timer;
    const watch = (): void => {
      stall = this.#clock.after(CLIENT_STALL_LIMIT_MS, () => (response.socket ? response.destroy() : watch()));
    };
    const done = (): void => {
      stall.cancel();
      socket?.off('drain', done);
      response.off('drain', done).off('close', done);
      this.#drain = undefined;
      resolve();
    };
    watch();
    // What was written by Node is told on the response, what was written past it on the socket.
    socket?.once('drain', done);
    response.once('drain', done).once('close', done);
    return promise;
  }
}
