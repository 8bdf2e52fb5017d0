import { ROOT_CONTEXT, SpanKind, SpanStatusCode, context, propagation, trace } from '@opentelemetry/api';
import { ServiceError } from '@sluice/errors';

/** The header `traceparent` (W3C Trace Context) of what is done now; null in no trace, which without a tracer is always. */
export function currentTraceparent(): string | null {
  const active = context.active();
  if (active === ROOT_CONTEXT) return null;
  const carrier: { traceparent?: string } = {};
  propagation.inject(active, carrier);
  return carrier.traceparent ?? null;
}

export interface HandledRecord {
  readonly topic: string;
  readonly consumer: string;
  readonly traceparent: string;
}

/** Handles a record in the trace in which it was published, in a span of its own (OpenTelemetry, messaging spans). */
export async function inRecordSpan({ topic, consumer, traceparent }: HandledRecord, handle: () => Promise<void>): Promise<void> {
  const parent = propagation.extract(ROOT_CONTEXT, { traceparent });
  const attributes = {
    'messaging.system': 'sluice',
    'messaging.operation.type': 'process',
    'messaging.destination.name': topic,
    'messaging.consumer.group.name': consumer,
  };
  const span = trace.getTracer('sluice.events').startSpan(`process ${topic}`, { kind: SpanKind.CONSUMER, attributes }, parent);
  try {
    await context.with(trace.setSpan(parent, span), handle);
  } catch (thrown) {
    // The code only: what was thrown may quote the record.
    span.setAttribute('error.type', ServiceError.from(thrown).code).setStatus({ code: SpanStatusCode.ERROR });
    throw thrown;
  } finally {
    span.end();
  }
}
