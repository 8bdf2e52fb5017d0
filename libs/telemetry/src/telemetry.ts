import { context, metrics, propagation, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { W3CTraceContextPropagator } from '@opentelemetry/core';
import { PrometheusSerializer } from '@opentelemetry/exporter-prometheus';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { MeterProvider, MetricReader } from '@opentelemetry/sdk-metrics';
import { BatchSpanProcessor, ParentBasedSampler, TraceIdRatioBasedSampler, TracerProvider, type SpanExporter } from '@opentelemetry/sdk-trace';
import { ATTR_SERVICE_NAME, ATTR_SERVICE_VERSION } from '@opentelemetry/semantic-conventions';

const ATTRIBUTE_LIMIT_CHARACTERS = 256;
const SPAN_QUEUE_LIMIT = 4096;

export interface TelemetryOptions {
  readonly serviceVersion: string;
  /** Where spans go. Absent: no tracing at all, and a span costs nothing. */
  readonly spanExporter?: SpanExporter;
  /** Share of traces that are kept when the caller has not decided, 0 to 1. */
  readonly sampleRatio?: number;
}

/** Tracing and metrics of this process. The rest of the house uses `@opentelemetry/api` and knows no exporter. */
export interface Telemetry {
  /** All metrics in Prometheus' text format 0.0.4. */
  prometheusText(): Promise<string>;
  /** Sends what is queued and lets go of the globals. */
  shutdown(): Promise<void>;
}

/** Collects only when asked: `/metrics` is the one reader. */
class OnDemandReader extends MetricReader {
  protected override async onForceFlush(): Promise<void> {
    // Nothing is buffered.
  }
  protected override async onShutdown(): Promise<void> {
    // Nothing is held.
  }
}

export function startTelemetry(options: TelemetryOptions): Telemetry {
  const resource = resourceFromAttributes({ [ATTR_SERVICE_NAME]: 'sluice', [ATTR_SERVICE_VERSION]: options.serviceVersion });
  const reader = new OnDemandReader();
  const meters = new MeterProvider({ resource, readers: [reader] });
  metrics.setGlobalMeterProvider(meters);
  const tracers = options.spanExporter && startTracing(options.spanExporter, options.sampleRatio ?? 1, resource);
  const serializer = new PrometheusSerializer('', false, undefined, true, true);
  return {
    prometheusText: async () => serializer.serialize((await reader.collect()).resourceMetrics),
    async shutdown() {
      await Promise.all([meters.shutdown(), tracers?.shutdown()]);
      for (const api of [metrics, trace, context, propagation]) api.disable();
    },
  };
}

function startTracing(exporter: SpanExporter, sampleRatio: number, resource: ReturnType<typeof resourceFromAttributes>): TracerProvider {
  const provider = new TracerProvider({
    resource,
    sampler: new ParentBasedSampler({ root: new TraceIdRatioBasedSampler(sampleRatio) }),
    spanLimits: { attributeValueLengthLimit: ATTRIBUTE_LIMIT_CHARACTERS },
    spanProcessors: [new BatchSpanProcessor({ exporter, maxQueueSize: SPAN_QUEUE_LIMIT })],
  });
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  propagation.setGlobalPropagator(new W3CTraceContextPropagator());
  trace.setGlobalTracerProvider(provider);
  return provider;
}
