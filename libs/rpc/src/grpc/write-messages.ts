import { once } from 'node:events';
import type { Writable } from 'node:stream';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { CallLifetime } from '../call-lifetime.ts';

/**
 * Writes messages as fast as the other side takes them: the next is pulled from its producer when there is room again,
 * so between them wait no more than the stream's own few messages and one window of HTTP/2.
 */
export async function writeMessages(stream: Writable, messages: AsyncIterable<Uint8Array>, lifetime: CallLifetime): Promise<void> {
  for await (const message of messages) {
    if (stream.write(message)) continue;
    await lifetime.race(once(stream, 'drain'));
    // Until the server's headers are there grpc-js takes messages without I/O in between; a producer that never waits would keep the process from all else.
    await nextTurn();
  }
}
