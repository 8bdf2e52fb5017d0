import { SpanKind, SpanStatusCode, context, propagation, trace } from '@opentelemetry/api';
import { ServiceError } from '@sluice/errors';
import type { FastifyRequest } from 'fastify';

/**
 * Runs a request under a span named by its route (OpenTelemetry, HTTP server spans), as a child of the caller's trace when
 * it sent one. By the route and not by the path: a path may name what only its owner should see.
 */
export async function inRouteSpan<T>(request: FastifyRequest, run: () => Promise<T>): Promise<T> {
  const parent = request.headers.traceparent === undefined ? context.active() : propagation.extract(context.active(), request.headers);
  const attributes = { 'http.request.method': request.method, 'http.route': request.routeOptions.url ?? '' };
  const span = trace.getTracer('sluice.gateway').startSpan(`${request.method} ${attributes['http.route']}`, { kind: SpanKind.SERVER, attributes }, parent);
  try {
    return await context.with(trace.setSpan(parent, span), run);
  } catch (thrown) {
    const { code, httpStatus } = ServiceError.from(thrown);
    span.setAttributes({ 'error.type': code, 'http.response.status_code': httpStatus });
    // What the client did wrong is no fault of the server.
    if (httpStatus >= 500) span.setStatus({ code: SpanStatusCode.ERROR });
    throw thrown;
  } finally {
    span.end();
  }
}
