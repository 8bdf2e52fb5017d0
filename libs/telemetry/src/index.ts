export { createLogger, silentLogger, type LogFields, type Logger, type LoggerOptions, type LogLevel } from './logger.ts';
export { actCounter, type CountAct } from './act-counter.ts';
export { redactError, redactText } from './redact.ts';
export { startTelemetry, type Telemetry, type TelemetryOptions } from './telemetry.ts';
export { otlpExporter, telemetryConfig, type TelemetryConfig } from './otlp.ts';
