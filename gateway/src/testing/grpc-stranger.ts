import { once } from 'node:events';
import { connect, type ClientHttp2Session, type ClientHttp2Stream, type IncomingHttpHeaders } from 'node:http2';
import { FRAME_BYTES } from '@sluice/rpc/grpc';

/** A message of gRPC in its frame. */
export function framed(message: Uint8Array, isCompressed = false): Buffer {
  const head = Buffer.alloc(FRAME_BYTES);
  head.writeUInt8(isCompressed ? 1 : 0);
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
}

/** Calls rpcs of KServe v2 with HTTP/2 alone, so that it can do what no library of gRPC would: send a part of a message, and never the rest. */
export class GrpcStranger {
  readonly #session: ClientHttp2Session;

  constructor(address: string) {
    // What it sends in vain stays in its memory.
    this.#session = connect(`http://${address}`, { maxSessionMemory: 200 });
    this.#session.on('error', () => undefined);
  }

  call(rpc: string, metadata: Record<string, string> = {}): ClientHttp2Stream {
    const stream = this.#session.request({ ':method': 'POST', ':path': `/inference.GRPCInferenceService/${rpc}`, 'content-type': 'application/grpc', te: 'trailers', ...metadata });
    return stream.on('error', () => undefined);
  }

  close(): void {
    this.#session.destroy();
  }
}

/** What a call ends with: its status and the metadata beside it, in the headers where there is no answer. */
export async function endOf(stream: ClientHttp2Stream): Promise<IncomingHttpHeaders> {
  const trailers = once(stream, 'trailers');
  trailers.catch(() => undefined);
  const [headers] = (await once(stream, 'response')) as [IncomingHttpHeaders];
  stream.resume();
  return headers['grpc-status'] === undefined ? ((await trailers)[0] as IncomingHttpHeaders) : headers;
}
