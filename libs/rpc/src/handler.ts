import type { DescMethod, DescService } from '@bufbuild/protobuf';
import type { CallLifetime } from './call-lifetime.ts';
import { inServerSpan, streamInServerSpan } from './server-span.ts';
import type { HandlerContext, Implementation } from './service.ts';

/** One rpc's function of an implementation, its types forgotten: they follow from the descriptor again at the other end. */
export type AnyHandler = (request: unknown, context: HandlerContext) => unknown;

/** Where an rpc lives on the wire (gRPC over HTTP/2, "Path"). */
export function pathOf(method: DescMethod): string {
  return `/${method.parent.typeName}/${method.name}`;
}

/** The handlers of an implementation, each with its rpc. An rpc without one is not served. */
export function handlersOf<S extends DescService>(service: S, implementation: Implementation<S>): [DescMethod, AnyHandler][] {
  return service.methods.flatMap((method): [DescMethod, AnyHandler][] => {
    const handler = implementation[method.localName as keyof Implementation<S>] as AnyHandler | undefined;
    return handler ? [[method, handler.bind(implementation)]] : [];
  });
}

/** What a handler is told. Its signal is made when it is first asked for, because many handlers never do. */
export function handlerContext(lifetime: CallLifetime, metadata: Readonly<Record<string, string>>): HandlerContext {
  return {
    metadata,
    get signal() {
      return lifetime.signal;
    },
  };
}

/** Runs a handler in a span of its rpc. */
export function runTraced(method: DescMethod, metadata: Readonly<Record<string, string>>, run: () => unknown): unknown {
  if (method.methodKind === 'unary' || method.methodKind === 'client_streaming') return inServerSpan(method, metadata, run as () => Promise<object>);
  return streamInServerSpan(method, metadata, run as () => AsyncIterable<object>);
}
