import type { Duplex } from 'node:stream';
import type { DescMethod, DescService, MessageInitShape } from '@bufbuild/protobuf';
import { ServiceError } from '@sluice/errors';

/** A call of which nothing but the metadata was read. Its handler reads the rest when it knows who asks, and as much of it as it has room for. */
export interface UnreadCall {
  /** Aborts when the caller went away or the deadline passed. */
  readonly signal: AbortSignal;
  readonly metadata: Readonly<Record<string, string>>;
  /**
   * The request as it arrives, in its frame: give the whole of it to `unframed`. It is paused; as long as it is not read the
   * caller can send two windows of HTTP/2, 128 KiB. Where it breaks off it ends as if it were whole, and the signal aborts a
   * moment later. Written to it is the answer alone: when it finishes, that has left; when it closes, the call is over.
   */
  readonly body: Duplex;
  /** Sent behind the answer, or with the error. Keys are lower case; to be filled until then. */
  readonly trailers: Record<string, string>;
}

type UnreadMethod<M extends DescMethod> = (call: UnreadCall) => Promise<MessageInitShape<M['output']>>;

/** A service whose every rpc takes one request, reads it itself and gives one answer. An rpc that streams can only be refused. */
export type UnreadImplementation<S extends DescService> = { readonly [K in keyof S['method']]: UnreadMethod<S['method'][K]> };

/** What stands before a message: whether it is compressed, and its length (gRPC over HTTP/2, "Length-Prefixed-Message"). */
export const FRAME_BYTES = 5;

/**
 * The one message in a whole body. No copy is made.
 * @throws ServiceError `invalid_value` for anything else: none, a part of one, several, a compressed one
 */
export function unframed(body: Uint8Array): Uint8Array {
  const view = new DataView(body.buffer, body.byteOffset, body.byteLength);
  if (body.length < FRAME_BYTES) throw new ServiceError('invalid_value', 'The call has no request message.');
  if (view.getUint8(0) !== 0) throw new ServiceError('invalid_value', 'Compressed messages are not read here: send the request without compression.');
  if (view.getUint32(1) !== body.length - FRAME_BYTES) throw new ServiceError('invalid_value', 'The call must have one whole request message.');
  return body.subarray(FRAME_BYTES);
}
