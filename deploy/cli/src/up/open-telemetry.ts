import { otlpExporter, startTelemetry, type Telemetry, type TelemetryConfig } from '@sluice/telemetry';

/** Metrics always; traces when one of OpenTelemetry's usual variables says where to. */
export async function openTelemetry(config: TelemetryConfig): Promise<Telemetry> {
  const spanExporter = await otlpExporter(config);
  return startTelemetry({ serviceVersion: '0.1.0', sampleRatio: config.OTEL_TRACES_SAMPLER_ARG, ...(spanExporter && { spanExporter }) });
}
