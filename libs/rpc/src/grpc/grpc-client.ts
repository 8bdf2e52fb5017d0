import { Client as Channel, Metadata, type CallOptions as GrpcCallOptions, type ClientReadableStream } from '@grpc/grpc-js';
import type { DescMethod, DescService, Message } from '@bufbuild/protobuf';
import { context, propagation } from '@opentelemetry/api';
import type { Clock } from '@sluice/clock';
import { ServiceError } from '@sluice/errors';
import { CallLifetime } from '../call-lifetime.ts';
import { HandedStream } from '../handed-stream.ts';
import { pathOf } from '../handler.ts';
import { isTraced } from '../server-span.ts';
import type { CallOptions, Client, Transport } from '../service.ts';
import { MESSAGE_LIMIT_BYTES, decode, encodeRequest } from '../wire-message.ts';
import { asBuffer, asIs } from './bytes.ts';
import { channelCredentials, type ChannelTls } from './channel-credentials.ts';
import { EXCHANGE_PATH } from './exchange/frame.ts';
import { Exchanges } from './exchange/exchanges.ts';
import { KEEP_ALIVE_MS, clientOptions } from './limits.ts';
import { MessageReader } from './message-reader.ts';
import { fromCallError, toMetadata } from './metadata.ts';
import { targetOf } from './target.ts';
import { writeMessages } from './write-messages.ts';

type Bytes = Uint8Array;

export interface GrpcClientOptions {
  /** `host:port` of each instance. One name may stand for several instances, which are then found by DNS. */
  readonly addresses: readonly string[];
  readonly clock: Clock;
  /** Without it the connection is plain text. */
  readonly tls?: ChannelTls;
  /** Longest message in either direction; `MESSAGE_LIMIT_BYTES` when none is given. */
  readonly messageLimitBytes?: number;
  /** How often the connection is pinged; 5 s when none is given. Servers that are not of the house may end connections for that: gRPC's own, and so Triton, want 5 minutes unless they are told otherwise. */
  readonly keepAliveMs?: number;
  /** Calls both ways share a stream with each instance, where it knows how to. */
  readonly exchanges?: boolean;
}

/**
 * Calls over gRPC to the instances of one process, which may serve several services. Calls go round among the instances
 * that answer; one that does not is left out and taken back when it does. A call that reached no handler is sent
 * again to another instance; one that may have is not.
 */
export class GrpcClient implements Pick<Transport, 'connect'> {
  readonly #channel: Channel;
  readonly #clock: Clock;
  readonly #limitBytes: number;
  readonly #exchanges: Exchanges | undefined;
  #isClosed = false;

  constructor(options: GrpcClientOptions) {
    this.#clock = options.clock;
    this.#limitBytes = options.messageLimitBytes ?? MESSAGE_LIMIT_BYTES;
    this.#channel = new Channel(targetOf(options.addresses), channelCredentials(options.tls), clientOptions(this.#limitBytes, options.keepAliveMs ?? KEEP_ALIVE_MS));
    const open = () => this.#channel.makeBidiStreamRequest(EXCHANGE_PATH, asBuffer, asIs, new Metadata(), {});
    this.#exchanges = options.exchanges ? new Exchanges({ clock: this.#clock, limitBytes: this.#limitBytes, open }) : undefined;
  }

  /** Instances with which calls share a stream now. */
  get exchanges(): number {
    return this.#exchanges?.size ?? 0;
  }

  connect<S extends DescService>(service: S): Client<S> {
    return Object.fromEntries(service.methods.map((method) => [method.localName, this.#method(method)])) as Client<S>;
  }

  /** Takes no more calls; those under way go on to their end. */
  close(): void {
    this.#isClosed = true;
    this.#exchanges?.close();
    this.#channel.close();
  }

  #method(method: DescMethod) {
    switch (method.methodKind) {
      case 'unary':
        return (request: object, options: CallOptions = {}) => this.#unary(method, request, options);
      case 'client_streaming':
        return (requests: AsyncIterable<object>, options: CallOptions = {}) => this.#only(this.#many(method, requests, options));
      case 'server_streaming':
        return (request: object, options: CallOptions = {}) => iterable(() => this.#one(method, request, options));
      case 'bidi_streaming':
        return (requests: AsyncIterable<object>, options: CallOptions = {}) => iterable(() => this.#many(method, requests, options));
    }
  }

  async #unary(method: DescMethod, request: object, options: CallOptions): Promise<Message> {
    using lifetime = new CallLifetime(options, this.#clock);
    try {
      lifetime.throwIfEnded();
      const bytes = this.#encode(method, request);
      const { metadata, grpcOptions } = this.#head(options);
      const answer = new Promise<Bytes>((resolve, reject) => {
        const done = (failure: Error | null, answered?: Bytes) => (failure ? reject(fromCallError(failure, method.parent.typeName)) : resolve(answered!));
        const call = this.#channel.makeUnaryRequest(pathOf(method), asBuffer, asIs, bytes, metadata, grpcOptions, done);
        lifetime.whenEnded(() => call.cancel());
      });
      return decode(method.output, await lifetime.race(answer));
    } catch (thrown) {
      throw ServiceError.from(thrown);
    }
  }

  /** One request, many answers. */
  #one(method: DescMethod, request: object, options: CallOptions): HandedStream<Message> {
    const lifetime = new CallLifetime(options, this.#clock);
    const open = () => {
      const bytes = this.#encode(method, request);
      const { metadata, grpcOptions } = this.#head(options);
      return reading(this.#channel.makeServerStreamRequest(pathOf(method), asBuffer, asIs, bytes, metadata, grpcOptions), method, lifetime);
    };
    return answersOf(method, lifetime, open, nothing);
  }

  /** Many requests, many answers. */
  #many(method: DescMethod, requests: AsyncIterable<object>, options: CallOptions): HandedStream<Message> {
    const lifetime = new CallLifetime(options, this.#clock);
    const given = new HandedStream(lifetime, () => requests, (request) => this.#encode(method, request), nothing);
    const open = () => {
      const metadata = this.#entries(options);
      const alone = (messages: AsyncIterable<Bytes>): MessageReader => {
        this.#throwIfClosed();
        const call = this.#channel.makeBidiStreamRequest(pathOf(method), asBuffer, asIs, toMetadata(metadata), this.#timing(options));
        writeMessages(call, messages, lifetime).then(() => call.end(), (thrown: unknown) => lifetime.end(ServiceError.from(thrown)));
        return reading(call, method, lifetime);
      };
      const exchange = method.methodKind === 'bidi_streaming' ? this.#exchanges?.next() : undefined;
      if (!exchange) return alone(given);
      return exchange.call({ path: pathOf(method), service: method.parent.typeName, options: { ...options, metadata }, requests: given, lifetime, elsewhere: alone });
    };
    return answersOf(method, lifetime, open, () => given.close());
  }

  /** The one answer to a stream of requests, once the status behind it is known. */
  async #only(answers: HandedStream<Message>): Promise<Message> {
    const answer = await answers.next();
    if (answer.done) throw ServiceError.from(new Error('a call without an answer ended well'));
    await answers.next();
    return answer.value;
  }

  #encode(method: DescMethod, request: object): Bytes {
    return encodeRequest(method.input, request, this.#limitBytes);
  }

  #head(options: CallOptions): { metadata: Metadata; grpcOptions: GrpcCallOptions } {
    return { metadata: toMetadata(this.#entries(options)), grpcOptions: this.#timing(options) };
  }

  #timing({ timeoutMs }: CallOptions): GrpcCallOptions {
    return timeoutMs === undefined ? {} : { deadline: this.#clock.wallMs() + timeoutMs };
  }

  /** What travels beside a call, the trace it is part of with it. */
  #entries(options: CallOptions): Record<string, string> {
    this.#throwIfClosed();
    const entries = { ...options.metadata };
    if (isTraced()) propagation.inject(context.active(), entries);
    return entries;
  }

  #throwIfClosed(): void {
    if (this.#isClosed) throw new ServiceError('draining', 'This process is ending its calls.');
  }
}

/** A call that starts with the first pull and is cancelled when its reader leaves before the end. */
function answersOf(method: DescMethod, lifetime: CallLifetime, open: () => AsyncIterable<Bytes>, onEnd: () => void): HandedStream<Message> {
  return new HandedStream(lifetime, open, (bytes) => decode(method.output, bytes as Bytes), (isDone) => {
    if (isDone) lifetime[Symbol.dispose]();
    else lifetime.end(new ServiceError('cancelled', 'The caller left.'));
    onEnd();
  });
}

function reading(call: ClientReadableStream<Bytes>, method: DescMethod, lifetime: CallLifetime): MessageReader {
  lifetime.whenEnded(() => call.cancel());
  return new MessageReader(call, (failure) => fromCallError(failure, method.parent.typeName));
}

function iterable(open: () => HandedStream<Message>): AsyncIterable<Message> {
  return { [Symbol.asyncIterator]: open };
}

function nothing(): void {
  // There is no one else to tell.
}
