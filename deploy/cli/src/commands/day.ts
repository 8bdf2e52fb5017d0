import { InvalidArgumentError } from 'commander';

/** A day of the calendar from the command line, as it was given. */
export function day(text: string): string {
  const known = new Date(/^\d{4}-\d{2}-\d{2}$/.test(text) ? text : NaN);
  if (Number.isNaN(known.getTime()) || !known.toISOString().startsWith(text)) throw new InvalidArgumentError('Give a day, as 2026-01-31.');
  return text;
}
