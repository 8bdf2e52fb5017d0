import type { IncomingHttpHeaders } from 'node:http';

/** One request that a scripted upstream received, and what became of its connection. */
export class ReceivedRequest {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  /** The body, byte for byte. */
  readonly body: Buffer;
  /** Resolves when the whole script was played and the answer handed to the socket. */
  readonly answered: Promise<void>;
  /** Resolves when the client closed the connection before the answer was complete. */
  readonly clientLeft: Promise<void>;
  /** Resolves the first time the client did not read as fast as the upstream wrote. */
  readonly readerSlow: Promise<void>;
  /** Bytes of the body of the answer that were handed to the socket so far. */
  bytesWritten = 0;
  hasClientLeft = false;

  readonly resolve: { readonly answered: () => void; readonly clientLeft: () => void; readonly readerSlow: () => void };

  constructor(path: string, headers: IncomingHttpHeaders, body: Buffer) {
    this.path = path;
    this.headers = headers;
    this.body = body;
    const answered = Promise.withResolvers<void>();
    const left = Promise.withResolvers<void>();
    const slow = Promise.withResolvers<void>();
    this.answered = answered.promise;
    this.clientLeft = left.promise;
    this.readerSlow = slow.promise;
    this.resolve = {
      answered: () => answered.resolve(),
      clientLeft: () => {
        this.hasClientLeft = true;
        left.resolve();
      },
      readerSlow: () => slow.resolve(),
    };
  }

  /** The body as JSON; throws when it is none. */
  json(): Record<string, unknown> {
    return JSON.parse(this.body.toString('utf8')) as Record<string, unknown>;
  }
}
