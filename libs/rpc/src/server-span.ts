import type { DescMethod } from '@bufbuild/protobuf';
import { ROOT_CONTEXT, SpanKind, SpanStatusCode, context, propagation, trace, type Context, type Span } from '@opentelemetry/api';
import { ServiceError } from '@sluice/errors';

/**
 * True when the caller is part of a trace. Without a tracer the active context is always the root, so a call pays one
 * comparison; and what happens in no trace (health checks, snapshots) begins none, or it would drown the others.
 */
export function isTraced(): boolean {
  return context.active() !== ROOT_CONTEXT;
}

/** True when what a caller sent along says that it is part of a trace. */
export function isPartOfTrace(metadata: Readonly<Record<string, string>>): boolean {
  return propagation.extract(ROOT_CONTEXT, metadata) !== ROOT_CONTEXT;
}

/** Runs a handler in a span of its rpc, a child of the caller's by the W3C context in the metadata (OpenTelemetry, RPC spans). */
export async function inServerSpan(method: DescMethod, metadata: Readonly<Record<string, string>>, run: () => Promise<object>): Promise<object> {
  const span = new ServerSpan(method, metadata);
  try {
    const answer = await span.run(run);
    span.end(undefined);
    return answer;
  } catch (thrown) {
    span.end(thrown);
    throw thrown;
  }
}

/** The same for a handler that streams: each of its turns runs in the span, which ends with the stream. */
export function streamInServerSpan(method: DescMethod, metadata: Readonly<Record<string, string>>, run: () => AsyncIterable<object>): AsyncIterable<object> {
  return { [Symbol.asyncIterator]: () => new TracedStream(new ServerSpan(method, metadata), run) };
}

class ServerSpan {
  readonly #context: Context;
  readonly #span: Span;

  constructor(method: DescMethod, metadata: Readonly<Record<string, string>>) {
    const parent = propagation.extract(context.active(), metadata);
    const attributes = { 'rpc.system.name': 'sluice', 'rpc.method': `${method.parent.typeName}/${method.name}` };
    this.#span = trace.getTracer('sluice.rpc').startSpan(attributes['rpc.method'], { kind: SpanKind.SERVER, attributes }, parent);
    this.#context = trace.setSpan(parent, this.#span);
  }

  run<T>(work: () => T): T {
    return context.with(this.#context, work);
  }

  /** The code only: what was thrown may quote what it choked on. */
  end(thrown: unknown): void {
    if (!this.#span.isRecording()) return;
    if (thrown !== undefined) this.#span.setAttribute('error.type', ServiceError.from(thrown).code).setStatus({ code: SpanStatusCode.ERROR });
    this.#span.end();
  }
}

class TracedStream implements AsyncIterator<object> {
  readonly #span: ServerSpan;
  readonly #source: AsyncIterator<object>;

  constructor(span: ServerSpan, run: () => AsyncIterable<object>) {
    this.#span = span;
    this.#source = span.run(() => run()[Symbol.asyncIterator]());
  }

  async next(): Promise<IteratorResult<object>> {
    try {
      const next = await this.#span.run(() => this.#source.next());
      if (next.done) this.#span.end(undefined);
      return next;
    } catch (thrown) {
      this.#span.end(thrown);
      throw thrown;
    }
  }

  /** The reader left: the span ends with that, because a handler that is stuck may never be done. */
  async return(): Promise<IteratorResult<object>> {
    const returned = this.#span.run(() => this.#source.return?.());
    this.#span.end(undefined);
    await returned;
    return { done: true, value: undefined };
  }
}
