import type { DescMethod } from '@bufbuild/protobuf';
import type { Clock } from '@sluice/clock';
import type { CallLifetime } from '../call-lifetime.ts';
import { handlerContext, runTraced, type AnyHandler } from '../handler.ts';
import { isPartOfTrace } from '../server-span.ts';
import type { CallerCheck } from './caller-check.ts';

export interface ServedMethod {
  readonly method: DescMethod;
  readonly handler: AnyHandler;
  readonly clock: Clock;
  readonly messageLimitBytes: number;
  /** Throws where this caller may not call. */
  readonly check: CallerCheck;
}

/** Calls the handler, in a span where its caller is in a trace. */
export function runHandler({ method, handler }: ServedMethod, metadata: Readonly<Record<string, string>>, request: unknown, lifetime: CallLifetime): unknown {
  const handed = handlerContext(lifetime, metadata);
  if (!isPartOfTrace(metadata)) return handler(request, handed);
  return runTraced(method, metadata, () => handler(request, handed));
}
