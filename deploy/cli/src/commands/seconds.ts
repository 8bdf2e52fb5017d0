import { InvalidArgumentError } from 'commander';

const MAX_SECONDS = 3_600;

/** How long a command may wait, as someone types it. */
export function seconds(text: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value > MAX_SECONDS) throw new InvalidArgumentError(`Give whole seconds from 0 to ${MAX_SECONDS}.`);
  return value;
}
