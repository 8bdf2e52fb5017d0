import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { SpanStatusCode, trace } from '@opentelemetry/api';
import { InMemorySpanExporter, type ReadableSpan } from '@opentelemetry/sdk-trace';
import { ServiceError } from '@sluice/errors';
import { startTelemetry, type Telemetry } from '@sluice/telemetry';
import type { FastifyRequest } from 'fastify';
import { inRouteSpan } from './route-span.ts';

/** Keeps its spans when it is shut down, which is when the last of them come. */
class KeptSpans extends InMemorySpanExporter {
  override shutdown(): Promise<void> {
    return Promise.resolve();
  }
}

describe('the span of a route', () => {
  let spans: KeptSpans;
  let telemetry: Telemetry;
  beforeEach(() => {
    spans = new KeptSpans();
    telemetry = startTelemetry({ serviceVersion: '0', spanExporter: spans });
  });
  afterEach(() => telemetry.shutdown());

  const request = (headers: Record<string, string> = {}) => ({ method: 'GET', headers, url: '/v1/models/planted', routeOptions: { url: '/v1/models/*' } }) as unknown as FastifyRequest;
  const onlySpan = async (): Promise<ReadableSpan> => {
    await telemetry.shutdown();
    expect(spans.getFinishedSpans()).toHaveLength(1);
    return spans.getFinishedSpans()[0]!;
  };

  it('is named by the route, goes on from the caller, and is active in the handler', async () => {
    const seen = await inRouteSpan(request({ traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01' }), async () => trace.getActiveSpan()?.spanContext().spanId);
    const span = await onlySpan();
    expect(span).toMatchObject({ name: 'GET /v1/models/*', parentSpanContext: { spanId: 'b7ad6b7169203331' }, status: { code: SpanStatusCode.UNSET } });
    expect([span.spanContext().traceId, span.spanContext().spanId]).toEqual(['0af7651916cd43dd8448eb211c80319c', seen]);
    expect(JSON.stringify(span.attributes)).not.toContain('planted');
  });

  it.each([
    ['not_found', 404, SpanStatusCode.UNSET],
    ['backend_unavailable', 503, SpanStatusCode.ERROR],
  ] as const)('says %s by its code, and calls only faults of the server errors', async (code, status, expected) => {
    const thrown = new ServiceError(code, 'planted words');
    await expect(inRouteSpan(request(), () => Promise.reject(thrown))).rejects.toBe(thrown);
    const span = await onlySpan();
    expect(span.attributes).toMatchObject({ 'error.type': code, 'http.response.status_code': status });
    expect(span.status.code).toBe(expected);
    expect(JSON.stringify([span.attributes, span.events, span.status])).not.toContain('planted');
  });
});
