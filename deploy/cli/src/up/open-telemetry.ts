import { readConfig } from '@sluice/config';
import { otlpExporter, startTelemetry, telemetryConfig, type Telemetry } from '@sluice/telemetry';

/** Metrics always; traces when one of OpenTelemetry's usual variables says where to. */
export async function openTelemetry(): Promise<Telemetry> {
  const config = readConfig(telemetryConfig);
  const spanExporter = await otlpExporter(config);
  return startTelemetry({ serviceVersion: '0.1.0', sampleRatio: config.OTEL_TRACES_SAMPLER_ARG, ...(spanExporter && { spanExporter }) });
}
