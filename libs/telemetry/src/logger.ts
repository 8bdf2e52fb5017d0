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
