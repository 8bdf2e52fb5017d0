import type { Clock } from '@sluice/clock';
import { ServiceError } from '@sluice/errors';
import type { Place, Segments } from './ports.ts';

/** Between two epochs calls wait so long for the next one. */
const PLACE_LIMIT_MS = 5_000;

/** Where a call that begins now will be recorded. Throws when no call could be, or none in time. */
export async function recordingPlace(segments: Segments, clock: Clock): Promise<Place> {
  const untilMs = clock.monotonicMs() + PLACE_LIMIT_MS;
  for (;;) {
    segments.accepting();
    if (segments.place) return segments.place;
    if (clock.monotonicMs() >= untilMs) throw new ServiceError('audit_log_unavailable', 'Calls cannot be recorded: the event log does not answer.', { retryAfterSeconds: 1 });
    await within(segments.placed(), PLACE_LIMIT_MS, clock);
  }
}

/** Resolves when the work is done or the time is over. */
async function within(work: Promise<void>, limitMs: number, clock: Clock): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = clock.after(limitMs, resolve);
  await Promise.race([work, promise]);
  timer.cancel();
}
