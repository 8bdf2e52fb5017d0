import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Clock } from '@sluice/clock';

/** A client that is told no while it is still sending needs a round trip or two to read the answer. */
const LINGER_MS = 1_000;

/** More than this is not read from a client whose request was refused; it fits what a fast network has under way. */
const LINGER_LIMIT_BYTES = 64 * 1024 * 1024;

const LOOK_EVERY_MS = 20;

/**
 * Ends a connection with an answer. Closing while the client still sends makes its kernel drop what it has not read,
 * the answer included (RFC 9112 section 9.6): so what arrives is read and dropped for a moment, then the connection goes.
 */
export function endLingering(clock: Clock, socket: Socket, answer: string): void {
  // Without the parser's listeners: it would report a fault again for every piece that arrives.
  socket.removeAllListeners('data');
  socket.on('data', () => undefined);
  socket.resume();
  socket.end(answer);
  lingerUntil(clock, socket, () => socket.readableEnded);
}

/** The same for an answer that leaves before its request has arrived, on a connection that is kept: Node reads on and drops; this bounds it. */
export function boundUnreadRequest(clock: Clock, request: IncomingMessage, response: ServerResponse): void {
  response.once('finish', () => lingerUntil(clock, request.socket, () => request.complete));
}

function lingerUntil(clock: Clock, socket: Socket, isOver: () => boolean): void {
  const endBytes = socket.bytesRead + LINGER_LIMIT_BYTES;
  let leftMs = LINGER_MS;
  const look = clock.every(LOOK_EVERY_MS, () => {
    leftMs -= LOOK_EVERY_MS;
    const finished = isOver();
    if (finished || socket.destroyed || leftMs <= 0 || socket.bytesRead > endBytes) look.cancel();
    if (!finished && (leftMs <= 0 || socket.bytesRead > endBytes)) socket.destroy();
  });
}
