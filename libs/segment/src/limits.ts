/** A segment on the log; one insert and one flush carry it without holding the next one up for long. */
export const SEGMENT_LIMIT_BYTES = 256 * 1024;
/** A body above this is split; four fragments and their frames fill a segment. Also what one call may add per turn, so that a large prompt does not keep others waiting. */
export const FRAGMENT_BYTES = 60 * 1024;
/** The clear part of one record: ids, counts, commitments. Whatever the outside can make long is bounded before. */
export const CLEAR_RECORD_LIMIT_BYTES = 32 * 1024;
/** A joined body; above the largest request the front door takes. */
export const BODY_LIMIT_BYTES = 64 * 1024 * 1024;

/** How long a lease lasts, counted from before its renewal was sent. The log closes an epoch after 15 s without a sign, so 5 s are left for clocks that differ. */
export const LEASE_MS = 10_000;
export const RENEW_EVERY_MS = 2_000;
/** After a renewal that failed. */
export const RENEW_RETRY_MS = 500;
/** How often lease and log are looked at when nothing else happens. */
export const WATCH_EVERY_MS = 250;

/** The log counts as away when it left a question unanswered for this long. */
export const AWAY_AFTER_MS = 5_000;
/** From here on the process says that it is degraded. */
export const SLOW_AFTER_MS = 1_000;
/** What a client is told to wait. */
export const AWAY_RETRY_AFTER_SECONDS = 5;

/** Pause before an append is repeated: doubles from the first to the last. */
export const RETRY_FIRST_MS = 10;
export const RETRY_LAST_MS = 1_000;
/** Room on a disk does not come back within milliseconds. */
export const DISK_FULL_RETRY_MS = 1_000;

/** Appends are at least min(5 ms, 0.08 ms x open streams) apart: many streams share a segment, a single one does not wait. */
export const SPACING_LIMIT_MS = 5;
export const SPACING_PER_STREAM_MS = 0.08;
/** A wait below the resolution of timers is no wait. */
export const TIMER_GRAIN_MS = 1;

/** How long `stop` waits for what is under way. */
export const DRAIN_LIMIT_MS = 5_000;
