import { createLogger, type Logger } from '@sluice/telemetry';

/** A logger, and the lines that it has written. */
export function recordsOf(): { readonly logger: Logger; readonly lines: readonly string[] } {
  const lines: string[] = [];
  return { logger: createLogger({ level: 'info', destination: { write: (line: string) => void lines.push(line) } }), lines };
}
