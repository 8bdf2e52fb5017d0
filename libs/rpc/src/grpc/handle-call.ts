import type { Writable } from 'node:stream';
import type { ServerDuplexStream, ServerReadableStream, ServerUnaryCall, ServerWritableStream, UntypedHandleCall, sendUnaryData } from '@grpc/grpc-js';
import type { Message } from '@bufbuild/protobuf';
import { ServiceError } from '@sluice/errors';
import type { CallLifetime } from '../call-lifetime.ts';
import { HandedStream } from '../handed-stream.ts';
import { decode, encodeAnswer } from '../wire-message.ts';
import { MessageReader } from './message-reader.ts';
import { fromMetadata, toCallError, toMetadata } from './metadata.ts';
import { runHandler, type ServedMethod } from './run-handler.ts';
import { ServedLifetime, type ServedCall } from './served-lifetime.ts';
import { writeMessages } from './write-messages.ts';

type Bytes = Uint8Array;
type Requests = ServerReadableStream<Bytes, Bytes>;
type Answers = Call & Writable;
type Both = ServerDuplexStream<Bytes, Bytes>;
type Call = Pick<ServerUnaryCall<Bytes, Bytes>, 'metadata' | 'getAuthContext'> & ServedCall;

/** One rpc as grpc-js calls it. Messages are bytes up to here, so that a fault in one is an error of the house. */
export function handleCall(served: ServedMethod): UntypedHandleCall {
  const { method } = served;
  const one = (call: { request: Bytes }) => decode(method.input, call.request);
  switch (method.methodKind) {
    case 'unary':
      return (call: ServerUnaryCall<Bytes, Bytes>, done: sendUnaryData<Bytes>) => void answerOnce(served, call, done, () => one(call));
    case 'client_streaming':
      return (call: Requests, done: sendUnaryData<Bytes>) => void answerOnce(served, call, done, (lifetime) => requestsOf(served, call, lifetime));
    case 'server_streaming':
      return (call: ServerWritableStream<Bytes, Bytes>) => void answerMany(served, call, () => one(call));
    case 'bidi_streaming':
      return (call: Both) => void answerMany(served, call, (lifetime) => requestsOf(served, call, lifetime));
  }
}

async function answerOnce(served: ServedMethod, call: Call, done: sendUnaryData<Bytes>, request: (lifetime: CallLifetime) => unknown): Promise<void> {
  using lifetime = new ServedLifetime(call, served.clock);
  let given: unknown;
  try {
    served.check(call);
    given = request(lifetime);
    const answer = await lifetime.race(runHandler(served, fromMetadata(call.metadata), given, lifetime) as Promise<object>);
    done(null, encodeAnswer(served.method.output, answer, served.messageLimitBytes));
  } catch (thrown) {
    done(toCallError(thrown));
  } finally {
    if (given instanceof HandedStream) given.close();
  }
}

async function answerMany(served: ServedMethod, call: Answers, request: (lifetime: CallLifetime) => unknown): Promise<void> {
  using lifetime = new ServedLifetime(call, served.clock);
  let given: unknown;
  const open = (): AsyncIterable<object> => {
    served.check(call);
    given = request(lifetime);
    return runHandler(served, fromMetadata(call.metadata), given, lifetime) as AsyncIterable<object>;
  };
  const encode = (answer: object) => encodeAnswer(served.method.output, answer, served.messageLimitBytes);
  try {
    await writeMessages(call, new HandedStream(lifetime, open, encode, nothing), lifetime);
    call.end();
  } catch (thrown) {
    call.emit('error', toCallError(thrown));
  } finally {
    if (given instanceof HandedStream) given.close();
  }
}

/** Headers go out at once: until they arrive the caller's side keeps what it sent, to send it again, and feels no back-pressure. */
function requestsOf(served: ServedMethod, call: Requests, lifetime: CallLifetime): HandedStream<Message> {
  call.sendMetadata(toMetadata({}));
  const reader = new MessageReader(call, toServiceError);
  return new HandedStream(lifetime, () => reader, (bytes) => decode(served.method.input, bytes as Bytes), nothing);
}

function toServiceError(failure: Error): Error {
  return ServiceError.from(failure);
}

function nothing(): void {
  // The call's own end tells the handler.
}
