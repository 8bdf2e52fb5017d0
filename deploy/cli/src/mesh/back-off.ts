const FIRST_MS = 100;
const LAST_MS = 5_000;
/** Who ran for so long was well: its next end is no part of a row. */
const WELL_AFTER_MS = 10_000;

/** How long a process that died rests before it is started again: at once the first time, longer and longer in a row. */
export class BackOff {
  #nextMs = FIRST_MS;

  /** `ranMs`: how long it served before it died. */
  restMs(ranMs: number): number {
    if (ranMs >= WELL_AFTER_MS) this.#nextMs = FIRST_MS;
    const restMs = this.#nextMs;
    this.#nextMs = Math.min(LAST_MS, restMs * 2);
    return restMs;
  }
}
