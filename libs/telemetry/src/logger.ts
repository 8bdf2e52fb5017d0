import { pino, type DestinationStream } from 'pino';
import { redactError, redactText } from './redact.ts';

/** Structured log. Fields are ids, counts and durations; never a prompt, an answer or a key. */
export interface Logger {
  debug(fields: LogFields, message: string): void;
  info(fields: LogFields, message: string): void;
  warn(fields: LogFields, message: string): void;
  error(fields: LogFields, message: string): void;
  /** A logger whose lines carry these fields too. */
  child(fields: LogFields): Logger;
}

export interface LogFields {
  readonly [name: string]: string | number | bigint | boolean | undefined | null | Error;
}

export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent';

export interface LoggerOptions {
  readonly level: LogLevel;
  /** Where lines go: one JSON object each, ending in a newline. */
  readonly destination: DestinationStream;
  readonly fields?: LogFields;
}

/** Every field passes `redactText` or `redactError`: what slips through a caller's care does not leave as it is. */
export function createLogger(options: LoggerOptions): Logger {
  const root = pino(
    { level: options.level, base: null, timestamp: pino.stdTimeFunctions.isoTime, formatters: { level: (level) => ({ level }) } },
    options.destination,
  );
  return bind(root, options.fields ?? {});
}

/** The logger that says nothing. */
export const silentLogger: Logger = { debug: nothing, info: nothing, warn: nothing, error: nothing, child: () => silentLogger };

function nothing(): void {
  // Says nothing.
}

function bind(root: pino.Logger, bound: LogFields): Logger {
  const line = (level: 'debug' | 'info' | 'warn' | 'error') => (fields: LogFields, message: string) => {
    if (root.isLevelEnabled(level)) root[level](redactFields({ ...bound, ...fields }), redactText(message));
  };
  return {
    debug: line('debug'),
    info: line('info'),
    warn: line('warn'),
    error: line('error'),
    child: (fields) => bind(root, { ...bound, ...fields }),
  };
}

function redactFields(fields: LogFields): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, redactValue(value)]));
}

function redactValue(value: LogFields[string]): unknown {
  if (value instanceof Error) return redactError(value);
  if (typeof value === 'bigint') return value.toString();
  return typeof value === 'string' ? redactText(value) : value;
}
