import { setImmediate as nextTurn } from 'node:timers/promises';
import { unframed, type UnreadCall } from '@sluice/rpc/grpc';
import type { BodyOwner, Uploads } from '../uploads.ts';

/**
 * The message of a call, still encoded. Bytes count with their owner as they arrive, as bodies over HTTP do, and are to
 * arrive at the same pace.
 * @throws ServiceError `request_too_large`, `overloaded`, `request_timeout`, `cancelled`, `invalid_value`
 */
export async function readMessage({ body }: UnreadCall, uploads: Uploads, owner: BodyOwner): Promise<Uint8Array> {
  owner.signal.throwIfAborted();
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
  uploads.read(body, undefined, owner, (error, whole) => (error ? reject(error) : resolve(whole!)));
  body.resume();
  const whole = await promise;
  try {
    return unframed(whole);
  } catch (thrown) {
    // What breaks off with its connection looks as if it had ended so, until the next turn.
    await nextTurn();
    owner.signal.throwIfAborted();
    throw thrown;
  }
}
