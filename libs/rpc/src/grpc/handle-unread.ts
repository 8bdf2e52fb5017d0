import { constants, type Http2Stream } from 'node:http2';
import type { ServerReadableStream, handleClientStreamingCall, sendUnaryData } from '@grpc/grpc-js';
import type { DescMethod } from '@bufbuild/protobuf';
import type { Clock } from '@sluice/clock';
import { inServerSpan, isPartOfTrace } from '../server-span.ts';
import { encodeAnswer } from '../wire-message.ts';
import { fromMetadata, toCallError, toMetadata } from './metadata.ts';
import { ServedLifetime } from './served-lifetime.ts';
import type { UnreadCall } from './unread-call.ts';

type Bytes = Uint8Array;
type Requests = ServerReadableStream<Bytes, Bytes>;

/** A library of gRPC stops sending when it reads the end of its call, a round trip later. */
const LINGER_LIMIT_MS = 5_000;

export interface UnreadServedMethod {
  readonly method: DescMethod;
  readonly handler: (call: UnreadCall) => Promise<object>;
  readonly clock: Clock;
  readonly messageLimitBytes: number;
  /** A caller that takes nothing of its answer for this long is gone. */
  readonly stallLimitMs: number;
}

/** An rpc of one request as grpc-js calls it when it is registered as a stream of requests: as soon as the metadata are here, and before anything is read. */
export function handleUnread(served: UnreadServedMethod): handleClientStreamingCall<Bytes, Bytes> {
  return (call, done) => void answer(served, call, done);
}

async function answer({ method, handler, clock, messageLimitBytes, stallLimitMs }: UnreadServedMethod, call: Requests, done: sendUnaryData<Bytes>): Promise<void> {
  using lifetime = new ServedLifetime(call, clock);
  const metadata = fromMetadata(call.metadata);
  const trailers: Record<string, string> = {};
  let body: Http2Stream | undefined;
  try {
    body = bodyOf(call);
    const unread: UnreadCall = {
      metadata,
      body,
      trailers,
      get signal() {
        return lifetime.signal;
      },
    };
    const run = (): Promise<object> => handler(unread);
    const given = await lifetime.race(isPartOfTrace(metadata) ? inServerSpan(method, metadata, run) : run());
    done(null, encodeAnswer(method.output, given, messageLimitBytes), toMetadata(trailers));
  } catch (thrown) {
    const error = toCallError(thrown);
    error.metadata.merge(toMetadata(trailers));
    done(error);
  } finally {
    if (body) {
      linger(body, clock);
      endStalled(body, stallLimitMs);
    }
  }
}

/** Who has the end of its call may be sending still: what comes is dropped for a while, because cutting the stream at once takes from the window of the whole connection. */
function linger(body: Http2Stream, clock: Clock): void {
  if (body.readableEnded || body.destroyed) return;
  const cut = clock.after(LINGER_LIMIT_MS, () => body.close(constants.NGHTTP2_NO_ERROR));
  body.once('close', () => cut.cancel());
}

/** Node's own timer knows what of an answer went out: one that is only slow is not taken for one that is gone. */
function endStalled(body: Http2Stream, stallLimitMs: number): void {
  if (!body.writableFinished) body.setTimeout(stallLimitMs, () => body.close(constants.NGHTTP2_CANCEL));
}

/**
 * The bytes of a call. grpc-js collects whole messages, of any length up to its limit, before it hands over the first byte:
 * nobody could count them as they come. So its listeners are taken from the stream below, which it keeps to itself; that
 * they are there is checked, because another version may have them elsewhere.
 */
function bodyOf(call: Requests): Http2Stream {
  const { stream } = (call as unknown as { readonly call: { readonly stream?: Http2Stream } }).call;
  if (!stream || stream.listenerCount('data') !== 1 || stream.listenerCount('end') !== 1) throw new Error('grpc-js reads calls in a way that is not known here');
  return stream.removeAllListeners('data').removeAllListeners('end');
}
