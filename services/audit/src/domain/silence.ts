/**
 * A lease lasts 10 s by the producer's clock. The 5 s on top are for clocks that run apart: nothing may be closed that
 * its producer still believes to hold.
 */
const CLOSE_AFTER_SILENCE_MS = 15_000;

/** Whether a producer has been silent for so long that it cannot hold its lease any more. */
export function isSilent(silentMs: number): boolean {
  return silentMs >= CLOSE_AFTER_SILENCE_MS;
}
