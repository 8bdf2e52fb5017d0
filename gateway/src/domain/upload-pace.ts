/** Longest time from the first look at a body to its end. Shorter than what HTTP gives a whole request, so that a late body is refused as a call and is on record. 10 MiB take 1.7 Mbit/s. */
export const UPLOAD_LIMIT_MS = 50_000;

/** How long a body may stand still: a mobile network that changes cells takes some seconds. */
export const UPLOAD_WINDOW_MS = 10_000;

/** Least that must arrive in a window, however little has arrived before. */
export const UPLOAD_WINDOW_MIN_BYTES = 1024;

/**
 * Judges whether a body arrives fast enough to be kept.
 *
 * In every window its share of what is here already must arrive, measured by the time that a whole body may take. A body
 * that comes at an even pace is never behind that before its time is over; one that came fast and then trickles is, and
 * the more it holds, the sooner.
 */
export class UploadPace {
  #firstMs: number | undefined;
  #windowMs = 0;
  #windowBytes = 0;

  /** True when the body is too slow. To be asked again and again, with the time and all that has arrived. */
  isTooSlow(nowMs: number, arrivedBytes: number): boolean {
    if (this.#firstMs === undefined) {
      this.#firstMs = this.#windowMs = nowMs;
      this.#windowBytes = arrivedBytes;
    }
    if (nowMs - this.#firstMs >= UPLOAD_LIMIT_MS) return true;
    const passedMs = nowMs - this.#windowMs;
    if (passedMs < UPLOAD_WINDOW_MS) return false;
    const dueBytes = Math.max(UPLOAD_WINDOW_MIN_BYTES, (arrivedBytes * passedMs) / UPLOAD_LIMIT_MS);
    if (arrivedBytes - this.#windowBytes < dueBytes) return true;
    this.#windowMs = nowMs;
    this.#windowBytes = arrivedBytes;
    return false;
  }
}
