import { create, type DescMessage, type DescMethod, type DescService, type Message } from '@bufbuild/protobuf';
import { context, propagation } from '@opentelemetry/api';
import { systemClock, type Clock } from '@sluice/clock';
import { ServiceError } from '@sluice/errors';
import { CallLifetime } from './call-lifetime.ts';
import { deepFreeze } from './deep-freeze.ts';
import { HandedStream } from './handed-stream.ts';
import { handlerContext, handlersOf, pathOf, runTraced, type AnyHandler } from './handler.ts';
import { isTraced } from './server-span.ts';
import type { CallOptions, Client, Implementation, Transport } from './service.ts';
import { MESSAGE_LIMIT_BYTES, decode, encodeAnswer, encodeRequest } from './wire-message.ts';

export interface InProcessOptions {
  /** Freezes streamed messages, so that a side which changes one it handed over fails. For tests. */
  readonly freezeStreams?: boolean;
  /** Measures the deadlines of calls; the machine's when none is given. */
  readonly clock?: Clock;
  /** Longest unary message; `MESSAGE_LIMIT_BYTES` when none is given. Streamed messages have no length here. */
  readonly messageLimitBytes?: number;
}

/**
 * Client and handler joined in one process.
 *
 * A unary message goes through the wire encoding, so no object is shared across the border and both transports see
 * the same bytes. A streamed message is handed over by reference: the hot path cannot pay for an encoding per token.
 */
export class InProcessTransport implements Transport {
  readonly #handlers = new Map<string, AnyHandler>();
  readonly #freeze: boolean;
  readonly #clock: Clock;
  readonly #limitBytes: number;

  constructor(options: InProcessOptions = {}) {
    this.#freeze = options.freezeStreams ?? false;
    this.#clock = options.clock ?? systemClock;
    this.#limitBytes = options.messageLimitBytes ?? MESSAGE_LIMIT_BYTES;
  }

  serve<S extends DescService>(service: S, implementation: Implementation<S>): void {
    for (const [method, handler] of handlersOf(service, implementation)) this.#handlers.set(pathOf(method), handler);
  }

  connect<S extends DescService>(service: S): Client<S> {
    return Object.fromEntries(service.methods.map((method) => [method.localName, this.#clientMethod(method)])) as Client<S>;
  }

  #clientMethod(method: DescMethod) {
    switch (method.methodKind) {
      case 'unary':
        return (request: object, options: CallOptions = {}) => this.#unary(method, () => this.#requestOverWire(method.input, request), options);
      case 'client_streaming':
        return (requests: AsyncIterable<object>, options: CallOptions = {}) =>
          this.#unary(method, (lifetime) => this.#handOver(method.input, requests, lifetime), options);
      case 'server_streaming':
        return (request: object, options: CallOptions = {}) =>
          this.#stream(method, () => this.#message(method.input, request), options);
      case 'bidi_streaming':
        return (requests: AsyncIterable<object>, options: CallOptions = {}) =>
          this.#stream(method, (lifetime) => this.#handOver(method.input, requests, lifetime), options);
    }
  }

  async #unary(method: DescMethod, request: (lifetime: CallLifetime) => unknown, options: CallOptions): Promise<Message> {
    using lifetime = new CallLifetime(options, this.#clock);
    try {
      lifetime.throwIfEnded();
      const given = request(lifetime);
      try {
        const answer = this.#serve(method, given, lifetime, options) as Promise<object>;
        return decode(method.output, encodeAnswer(method.output, await lifetime.race(answer), this.#limitBytes));
      } finally {
        if (given instanceof HandedStream) given.close();
      }
    } catch (thrown) {
      throw ServiceError.from(thrown);
    }
  }

  #stream(method: DescMethod, request: (lifetime: CallLifetime) => unknown, options: CallOptions): AsyncIterable<Message> {
    return { [Symbol.asyncIterator]: () => this.#answers(method, request, options) };
  }

  #answers(method: DescMethod, request: (lifetime: CallLifetime) => unknown, options: CallOptions): HandedStream<Message> {
    const lifetime = new CallLifetime(options, this.#clock);
    let given: unknown;
    const open = (): AsyncIterable<object> => {
      given = request(lifetime);
      return this.#serve(method, given, lifetime, options) as AsyncIterable<object>;
    };
    return new HandedStream(lifetime, open, (message) => this.#message(method.output, message), (isDone) => {
      // A handler that is done needs no signal, and the stack of an error costs more than the rest of a short call.
      if (isDone) lifetime[Symbol.dispose]();
      else lifetime.end(new ServiceError('cancelled', 'The caller left.'));
      if (given instanceof HandedStream) given.close();
    });
  }

  #handOver(schema: DescMessage, messages: AsyncIterable<object>, lifetime: CallLifetime): HandedStream<Message> {
    return new HandedStream(lifetime, () => messages, (message) => this.#message(schema, message), () => undefined);
  }

  #requestOverWire(schema: DescMessage, request: object): Message {
    return decode(schema, encodeRequest(schema, request, this.#limitBytes));
  }

  #message(schema: DescMessage, value: object): Message {
    const message = '$typeName' in value ? (value as Message) : create(schema, value as Record<string, unknown>);
    return this.#freeze ? deepFreeze(message) : message;
  }

  /** Calls the handler as the other side of a wire would: in a trace it goes on in what the metadata carries. */
  #serve(method: DescMethod, request: unknown, lifetime: CallLifetime, options: CallOptions): unknown {
    const handler = this.#handler(method);
    // Metadata of its own for each call: the trace context is written into it even in process, so that both transports behave alike.
    const metadata = { ...options.metadata };
    const handed = handlerContext(lifetime, metadata);
    if (!isTraced()) return handler(request, handed);
    propagation.inject(context.active(), metadata);
    return runTraced(method, metadata, () => handler(request, handed));
  }

  #handler(method: DescMethod): AnyHandler {
    const handler = this.#handlers.get(pathOf(method));
    if (!handler) throw new ServiceError('backend_unavailable', `The service ${method.parent.typeName} is not running.`);
    return handler;
  }
}
