import type { DescMethod, DescService, MessageInitShape, MessageShape } from '@bufbuild/protobuf';

/** What a caller says about one call. */
export interface CallOptions {
  /** Cancels the call; the handler sees it on its own signal. */
  readonly signal?: AbortSignal;
  /** The call fails with `deadline_exceeded` after this time. Without it only the signal ends a call. */
  readonly timeoutMs?: number;
  /** Travels beside the message. Keys are lower case. */
  readonly metadata?: Readonly<Record<string, string>>;
}

/** What a handler knows about the call it serves. */
export interface HandlerContext {
  /** Aborts when the caller went away or the deadline passed. */
  readonly signal: AbortSignal;
  readonly metadata: Readonly<Record<string, string>>;
}

type Input<M extends DescMethod> = MessageInitShape<M['input']>;
type Output<M extends DescMethod> = MessageShape<M['output']>;
type Methods<S extends DescService> = S['method'];

type ClientMethod<M extends DescMethod> = M['methodKind'] extends 'unary'
  ? (request: Input<M>, options?: CallOptions) => Promise<Output<M>>
  : M['methodKind'] extends 'server_streaming'
    ? (request: Input<M>, options?: CallOptions) => AsyncIterable<Output<M>>
    : M['methodKind'] extends 'client_streaming'
      ? (requests: AsyncIterable<Input<M>>, options?: CallOptions) => Promise<Output<M>>
      : (requests: AsyncIterable<Input<M>>, options?: CallOptions) => AsyncIterable<Output<M>>;

type HandlerMethod<M extends DescMethod> = M['methodKind'] extends 'unary'
  ? (request: MessageShape<M['input']>, context: HandlerContext) => Promise<Input0<M>>
  : M['methodKind'] extends 'server_streaming'
    ? (request: MessageShape<M['input']>, context: HandlerContext) => AsyncIterable<Input0<M>>
    : M['methodKind'] extends 'client_streaming'
      ? (requests: AsyncIterable<MessageShape<M['input']>>, context: HandlerContext) => Promise<Input0<M>>
      : (requests: AsyncIterable<MessageShape<M['input']>>, context: HandlerContext) => AsyncIterable<Input0<M>>;

/** What a handler may return: a message or the values to make one of. */
type Input0<M extends DescMethod> = MessageInitShape<M['output']>;

/** A caller's view of a service: one function per rpc, derived from the descriptor. */
export type Client<S extends DescService> = { readonly [K in keyof Methods<S>]: ClientMethod<Methods<S>[K]> };

/** A service's view of itself: one function per rpc. Throw ServiceError; anything else reaches the caller as `internal`. */
export type Implementation<S extends DescService> = { readonly [K in keyof Methods<S>]: HandlerMethod<Methods<S>[K]> };

/** How calls travel. A client may be made before its service is served; calling it then fails with `backend_unavailable`. */
export interface Transport {
  connect<S extends DescService>(service: S): Client<S>;
  serve<S extends DescService>(service: S, implementation: Implementation<S>): void;
}
