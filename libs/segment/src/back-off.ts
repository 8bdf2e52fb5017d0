import type { Clock } from '@sluice/clock';
import type { ServiceError } from '@sluice/errors';
import { DISK_FULL_RETRY_MS, RETRY_FIRST_MS, RETRY_LAST_MS } from './limits.ts';

/** The pause after the given number of failures; room on a disk is asked for slowly from the start. */
export function backOff(clock: Clock, failures: number, error: ServiceError): Promise<void> {
  const delayMs = error.code === 'disk_full' ? DISK_FULL_RETRY_MS : Math.min(RETRY_LAST_MS, RETRY_FIRST_MS * 2 ** Math.min(failures, 16));
  return new Promise((resolve) => clock.after(delayMs, resolve));
}
