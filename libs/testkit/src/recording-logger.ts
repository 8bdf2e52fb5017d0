import type { LogFields, Logger } from '@sluice/telemetry';

/** A logger that keeps every line as `level message name=value ...`, for tests of what is said and of what must never be. */
export function recordingLogger(lines: string[]): Logger {
  const log = (level: string) => (fields: LogFields, message: string) => {
    const shown = Object.entries(fields).map(([name, value]) => `${name}=${value instanceof Error ? (value.stack ?? value.message) : String(value)}`);
    lines.push([level, message, ...shown].join(' '));
  };
  return { debug: log('debug'), info: log('info'), warn: log('warn'), error: log('error'), child: () => recordingLogger(lines) };
}
