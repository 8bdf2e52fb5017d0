import { afterEach, describe, expect, it } from '@jest/globals';
import { context, metrics, propagation, trace } from '@opentelemetry/api';
import { InMemorySpanExporter } from '@opentelemetry/sdk-trace';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { otlpExporter, startTelemetry, type Telemetry } from './index.ts';

let telemetry: Telemetry | undefined;
afterEach(async () => telemetry?.shutdown());

describe('telemetry', () => {
  it('serves what was counted as Prometheus text', async () => {
    telemetry = startTelemetry({ serviceVersion: '1' });
    metrics.getMeter('test').createCounter('sluice.test.calls').add(2, { outcome: 'answered' });
    expect(await telemetry.prometheusText()).toMatch(/sluice_test_calls_total\{outcome="answered"\} 2/);
  });

  it('makes no span without an exporter', () => {
    telemetry = startTelemetry({ serviceVersion: '1' });
    expect(trace.getTracer('test').startSpan('x').isRecording()).toBe(false);
  });

  it('carries the trace of the caller on, and bounds attributes', async () => {
    const exporter = new InMemorySpanExporter();
    telemetry = startTelemetry({ serviceVersion: '1', spanExporter: exporter });
    const parent = propagation.extract(context.active(), { traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01' });
    const span = trace.getTracer('test').startSpan('x', { attributes: { long: 'a'.repeat(5000) } }, parent);
    const carrier: Record<string, string> = {};
    propagation.inject(trace.setSpan(parent, span), carrier);
    span.end();
    expect(carrier['traceparent']).toMatch(/^00-0af7651916cd43dd8448eb211c80319c-[0-9a-f]{16}-01$/);
  });

  it('posts spans to the collector that the usual variable names', async () => {
    const posted = new Promise<string | undefined>((resolve) => {
      const server = createServer((request, response) => {
        request.resume().on('end', () => response.end(() => server.close(() => resolve(request.url))));
      }).listen(0, '127.0.0.1', () => {
        const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
        const config = { OTEL_EXPORTER_OTLP_ENDPOINT: endpoint, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: undefined, OTEL_TRACES_SAMPLER_ARG: 1, SLUICE_LOG_LEVEL: 'info' as const };
        void otlpExporter(config).then(async (exporter) => {
          telemetry = startTelemetry({ serviceVersion: '1', spanExporter: exporter! });
          trace.getTracer('test').startSpan('x').end();
          await telemetry.shutdown();
          telemetry = undefined;
        });
      });
    });
    expect(await posted).toBe('/v1/traces');
  });
});
