import type { Server } from 'node:http';

/**
 * Ends connections whose client reads nothing of what an answer still has to send. Only what has been ended is watched
 * here: a stream that goes on waits for its client by itself, and is watched there (sse-writer.ts).
 *
 * The socket's own timer looks at the bytes that the kernel took, so a slow client is not taken for one that is gone; and
 * an answer that the kernel took at once, which is nearly every one, costs nothing.
 */
export function endStalledAnswers(server: Server, stallLimitMs: number): void {
  // Before the framework's listener, which may answer at once.
  server.prependListener('request', (_request, response) => {
    response.once('prefinish', () => {
      const { socket } = response;
      if (socket && socket.writableLength > 0) socket.setTimeout(stallLimitMs);
    });
  });
}
