import { InvalidArgumentError } from 'commander';

/** A day or a time as people write it, in ISO 8601 with milliseconds. */
export function moment(text: string): string {
  const time = /^\d{4}-\d{2}-\d{2}/.test(text) ? new Date(text) : new Date(NaN);
  if (Number.isNaN(time.getTime())) throw new InvalidArgumentError('Give a date (2026-11-01) or a time (2026-11-01T08:00Z).');
  return time.toISOString();
}
