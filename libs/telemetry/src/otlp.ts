import { z } from 'zod';
import type { SpanExporter } from '@opentelemetry/sdk-trace';

const address = z.url({ protocol: /^https?$/, error: 'must be an http(s) address such as http://collector:4318' });

/** The usual variables of OpenTelemetry; tracing is on when one of the two addresses is set. */
export const telemetryConfig = {
  OTEL_EXPORTER_OTLP_ENDPOINT: address.optional(),
  OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: address.optional(),
  OTEL_TRACES_SAMPLER_ARG: z.coerce.number().min(0).max(1).default(1),
  SLUICE_LOG_LEVEL: z.enum(['debug', 'info', 'warn', 'error']).default('info'),
};

export type TelemetryConfig = Readonly<z.output<z.ZodObject<typeof telemetryConfig>>>;

/** The exporter for the configured collector (OTLP over HTTP, protobuf), or undefined. Loaded only when it is used. */
export async function otlpExporter(config: TelemetryConfig): Promise<SpanExporter | undefined> {
  const base = config.OTEL_EXPORTER_OTLP_ENDPOINT?.replace(/\/$/, '');
  const url = config.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT ?? (base && `${base}/v1/traces`);
  if (!url) return undefined;
  const { OTLPTraceExporter } = await import('@opentelemetry/exporter-trace-otlp-proto');
  return new OTLPTraceExporter({ url });
}
