import type { IncomingHttpHeaders } from 'node:http';
import { SpanKind, SpanStatusCode, context, propagation, trace } from '@opentelemetry/api';
import type { Call } from '../domain/call.ts';
import type { CallSummary } from '../domain/request-flow.ts';

/**
 * Runs a call under a span (OpenTelemetry, semantic conventions for generative AI), as a child of the caller's trace
 * when it sent one (W3C Trace Context). Attributes are ids, names of models that exist, and counts; never content.
 */
export async function inCallSpan(headers: IncomingHttpHeaders, callId: string, call: Call, run: () => Promise<CallSummary>): Promise<CallSummary> {
  const parent = headers.traceparent === undefined ? context.active() : propagation.extract(context.active(), headers);
  const span = trace.getTracer('sluice.gateway').startSpan('chat', { kind: SpanKind.SERVER, attributes: { 'gen_ai.operation.name': 'chat', 'gen_ai.response.id': `chatcmpl-${callId}` } }, parent);
  try {
    const summary = await context.with(trace.setSpan(parent, span), run);
    if (span.isRecording()) {
      span.setAttributes({ 'gen_ai.request.model': call.model, 'gen_ai.usage.input_tokens': summary.inputTokens, 'gen_ai.usage.output_tokens': summary.outputTokens });
      if (summary.error) span.setAttribute('error.type', summary.error.code).setStatus({ code: SpanStatusCode.ERROR });
    }
    return summary;
  } catch (thrown) {
    span.setStatus({ code: SpanStatusCode.ERROR });
    throw thrown;
  } finally {
    span.end();
  }
}
